//! The process: its environment, its end, signals and clocks.

use crate::engine::Callback;
use crate::registration::{self, Variable};
use crate::sys;
use rquickjs::{Ctx, Function, Module, Object, Promise, Result};
use std::time::Instant;
use tokio::signal::unix::{SignalKind, signal};

/// With variables that the program finds in its environment besides those of the process.
pub fn install<'js>(ctx: &Ctx<'js>, host: &Object<'js>, variables: Vec<Variable>) -> Result<()> {
    let environment = Object::new(ctx.clone())?;
    for (name, value) in std::env::vars_os() {
        // whatever is no text is no setting of ours
        if let (Some(name), Some(value)) = (name.to_str(), value.to_str())
            && !registration::is_ours(name)
        {
            environment.set(name, value)?;
        }
    }
    for (name, value) in variables {
        environment.set(name, value)?;
    }
    host.set("environment", environment)?;
    host.set("args", std::env::args().skip(1).collect::<Vec<_>>())?;
    host.set("processId", f64::from(std::process::id()))?;
    host.set("userId", f64::from(sys::user_id()))?;
    host.set("exit", Function::new(ctx.clone(), exit)?)?;
    let start = Instant::now();
    let now = move || start.elapsed().as_secs_f64() * 1000.0;
    host.set("monotonicMillis", Function::new(ctx.clone(), now)?)?;
    let cpu = || {
        let (user, system) = sys::cpu_micros();
        vec![user, system]
    };
    host.set("cpuMicros", Function::new(ctx.clone(), cpu)?)?;
    host.set("load", Function::new(ctx.clone(), load)?)?;
    host.set("onSignal", Function::new(ctx.clone(), on_signal)?)
}

fn exit(code: i32) {
    sys::exit(code)
}

/// Loads a module of the program.
fn load<'js>(ctx: Ctx<'js>, name: String) -> Result<Promise<'js>> {
    Module::import(&ctx, name)
}

/// Tells of a signal from now on, instead of ending; says whether that is possible.
fn on_signal<'js>(ctx: Ctx<'js>, name: String, told: Function<'js>) -> bool {
    let kind = match name.as_str() {
        "SIGTERM" => SignalKind::terminate(),
        "SIGINT" => SignalKind::interrupt(),
        _ => return false,
    };
    let Ok(mut signals) = signal(kind) else { return false };
    let told = Callback::new(&ctx, told);
    tokio::task::spawn_local(async move {
        while signals.recv().await.is_some() {
            told.call([]);
        }
    });
    true
}
