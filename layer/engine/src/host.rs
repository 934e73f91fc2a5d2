//! What the program finds as `host`, a global object; `js/host.d.ts` is its type.

mod bytes;
mod certificate;
mod client;
mod compression;
#[cfg(debug_assertions)]
mod defects;
mod files;
mod json;
mod lines;
mod names;
mod output;
mod process;
mod server;
mod shape;
mod timers;
pub mod tls;
mod tunnel;

use crate::registration::Variable;
use rquickjs::{Ctx, Object, Result};

pub fn install(ctx: &Ctx<'_>, variables: Vec<Variable>) -> Result<()> {
    let host = Object::new(ctx.clone())?;
    process::install(ctx, &host, variables)?;
    names::install(ctx, &host)?;
    output::install(ctx, &host)?;
    timers::install(ctx, &host)?;
    bytes::install(ctx, &host)?;
    compression::install(ctx, &host)?;
    files::install(ctx, &host)?;
    json::install(ctx, &host)?;
    lines::install(ctx, &host)?;
    server::install(ctx, &host)?;
    client::install(ctx, &host)?;
    tls::install(ctx, &host)?;
    #[cfg(debug_assertions)]
    defects::install(ctx, &host)?;
    ctx.globals().set("host", host)
}
