//! Defects on demand, for tests of what becomes of them. Not in an engine that is shipped.

use rquickjs::{Ctx, Function, Object, Result};

pub fn install<'js>(ctx: &Ctx<'js>, host: &Object<'js>) -> Result<()> {
    host.set("panic", Function::new(ctx.clone(), panic)?)
}

fn panic(place: String) {
    match place.as_str() {
        "task" => drop(tokio::task::spawn_local(async { panic!("in a task") })),
        "thread" => drop(tokio::task::spawn_blocking(|| panic!("on a thread"))),
        _ => panic!("in a call"),
    }
}
