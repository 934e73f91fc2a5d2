//! Timers, and what is to be done in the next turn of the loop.

use crate::engine::Callback;
use rquickjs::{Ctx, Function, Object, Result};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::time::Duration;
use tokio::task::AbortHandle;

thread_local! {
    static NEXT: Cell<u32> = const { Cell::new(1) };
    static TIMERS: RefCell<HashMap<u32, AbortHandle>> = RefCell::new(HashMap::new());
}

pub fn install<'js>(ctx: &Ctx<'js>, host: &Object<'js>) -> Result<()> {
    host.set("startTimer", Function::new(ctx.clone(), start)?)?;
    host.set("stopTimer", Function::new(ctx.clone(), stop)?)?;
    host.set("nextTurn", Function::new(ctx.clone(), next_turn)?)
}

/// Calls a function once, in so many milliseconds; answers with the timer's number.
fn start<'js>(ctx: Ctx<'js>, millis: f64, due: Function<'js>) -> f64 {
    let due = Callback::new(&ctx, due);
    let id = NEXT.replace(NEXT.get().wrapping_add(1));
    let delay = Duration::from_secs_f64(millis.clamp(1.0, f64::from(i32::MAX)) / 1000.0);
    let task = tokio::task::spawn_local(async move {
        tokio::time::sleep(delay).await;
        TIMERS.with_borrow_mut(|timers| timers.remove(&id));
        due.call([]);
    });
    TIMERS.with_borrow_mut(|timers| timers.insert(id, task.abort_handle()));
    f64::from(id)
}

fn stop(id: f64) {
    if let Some(timer) = TIMERS.with_borrow_mut(|timers| timers.remove(&(id as u32))) {
        timer.abort();
    }
}

/// Calls a function when what has arrived meanwhile has been seen.
fn next_turn<'js>(ctx: Ctx<'js>, due: Function<'js>) {
    let due = Callback::new(&ctx, due);
    tokio::task::spawn_local(async move {
        tokio::task::yield_now().await;
        due.call([]);
    });
}
