export const handler = async ({ card }) => {
  console.log(`paying with card=${card}`)
  return "paid"
}
