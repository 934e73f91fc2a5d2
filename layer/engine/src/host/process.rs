//! The process: its environment, its end, signals, clocks, and names.

use crate::engine::{Argument, Callback};
use crate::error_code;
use crate::sys;
use rquickjs::{Ctx, Function, Module, Object, Promise, Result};
use std::time::Instant;
use tokio::signal::unix::{SignalKind, signal};

pub fn install<'js>(ctx: &Ctx<'js>, host: &Object<'js>) -> Result<()> {
    let environment = Object::new(ctx.clone())?;
    for (name, value) in std::env::vars_os() {
        // whatever is no text is no setting of ours
        if let (Some(name), Some(value)) = (name.to_str(), value.to_str()) {
            environment.set(name, value)?;
        }
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
    host.set("onSignal", Function::new(ctx.clone(), on_signal)?)?;
    host.set("lookup", Function::new(ctx.clone(), lookup)?)
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

/// Looks up the addresses of a name.
fn lookup<'js>(ctx: Ctx<'js>, name: String, done: Function<'js>) {
    let done = Callback::new(&ctx, done);
    tokio::task::spawn_local(async move {
        // bound before the callback runs: what is looked up is borrowed
        let result = tokio::net::lookup_host((name, 0)).await;
        match result {
            Ok(found) => {
                let addresses = found.map(|address| address.ip().to_string()).collect();
                done.call([Argument::Nothing, Argument::Strings(addresses)]);
            }
            Err(error) => done.call([Argument::Text(error_code::of_lookup(&error))]),
        }
    });
}
