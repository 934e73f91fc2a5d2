//! QuickJS on one thread, beside tokio: who wants to run JavaScript enters here.

use crate::host;
use crate::program::Program;
use crate::registration::Registration;
use crate::sys;
use rquickjs::function::Args;
use rquickjs::loader::{ImportAttributes, Loader, Resolver};
use rquickjs::module::{Declared, Module, WriteOptions, WriteOptionsEndianness};
use rquickjs::{
    ArrayBuffer, CatchResultExt, CaughtError, Context, Ctx, Error, Function, IntoJs, Persistent, Result, Runtime, Value,
};
use std::cell::{OnceCell, RefCell};
use std::io::Write;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

/// Longest stack of the program's functions. A depth of 1000 takes less than half of it.
const STACK_BYTES: usize = 1024 * 1024;

/// From which size on garbage that refers to itself is looked for. The program is a little smaller when it asks for
/// its first event; QuickJS's own 256 KiB look five times until then, and find nothing.
const GC_THRESHOLD_BYTES: usize = 2 * 1024 * 1024;

/// Threads for what blocks: compression, names, a full pipe. Each ends when it has been idle for a moment.
const MAX_BLOCKING_THREADS: usize = 8;
const BLOCKING_THREAD_IDLE: Duration = Duration::from_millis(500);
const BLOCKING_THREAD_STACK_BYTES: usize = 512 * 1024;

thread_local! {
    static CONTEXT: OnceCell<Context> = const { OnceCell::new() };
    /// Promises that were rejected with nobody to see it so far, and why.
    static REJECTED: RefCell<Vec<(Persistent<Value<'static>>, String)>> = const { RefCell::new(Vec::new()) };
}

/// Runs a program until it exits.
pub fn run(program: Program) -> ExitCode {
    let main = match program.main() {
        Ok(main) => main,
        Err(problem) => {
            report(&format!("the layer is damaged: {problem}"));
            return ExitCode::FAILURE;
        }
    };
    // from here on nothing but a defect is in the way of the program, which reports what became of it
    let registration = Registration::begin();
    let built = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(MAX_BLOCKING_THREADS)
        .thread_keep_alive(BLOCKING_THREAD_IDLE)
        .thread_stack_size(BLOCKING_THREAD_STACK_BYTES)
        .build();
    let Ok(reactor) = built else {
        fail("the system has no resources for it")
    };
    let tasks = tokio::task::LocalSet::new();
    tasks.block_on(&reactor, async {
        if let Err(error) = start(program, &main, registration) {
            fail(&error.to_string());
        }
        // the program ends the process
        std::future::pending::<ExitCode>().await
    })
}

fn start(program: Program, main: &[u8], registration: Registration) -> Result<()> {
    let runtime = Runtime::new()?;
    runtime.set_max_stack_size(STACK_BYTES);
    runtime.set_gc_threshold(GC_THRESHOLD_BYTES);
    runtime.set_loader(SameName, Modules(program));
    runtime.set_host_promise_rejection_tracker(Some(Box::new(track)));
    let context = Context::full(&runtime)?;
    CONTEXT.with(|cell| cell.set(context)).map_err(|_| Error::Unknown)?;
    enter(|ctx| {
        let main = sys::load(ctx, main)?;
        host::install(ctx, registration.finish())?;
        // a rejection of this promise is an unhandled one
        main.eval()?;
        Ok(())
    });
    Ok(())
}

/// Runs JavaScript, and all that it leaves to be done at once. Never from within JavaScript.
pub fn enter(run: impl FnOnce(&Ctx<'_>) -> Result<()>) {
    CONTEXT.with(|cell| {
        let Some(context) = cell.get() else { return };
        context.with(|ctx| {
            if let Err(error) = run(&ctx).catch(&ctx) {
                fail(&told(&error));
            }
            while ctx.execute_pending_job() {}
            let unhandled = REJECTED.with_borrow_mut(|all| all.drain(..).next());
            if let Some((_, reason)) = unhandled {
                fail(&reason);
            }
        });
    });
}

/// A function of the program, to be called later.
#[derive(Clone)]
pub struct Callback(Rc<Persistent<Function<'static>>>);

impl Callback {
    pub fn new<'js>(ctx: &Ctx<'js>, function: Function<'js>) -> Callback {
        Callback(Rc::new(Persistent::save(ctx, function)))
    }

    /// Calls it, from outside JavaScript.
    pub fn call(&self, arguments: impl IntoIterator<Item = Argument>) {
        enter(|ctx| {
            let function = (*self.0).clone().restore(ctx)?;
            let arguments = arguments.into_iter().collect::<Vec<_>>();
            let mut args = Args::new(ctx.clone(), arguments.len());
            args.push_args(arguments)?;
            args.apply::<Value>(&function)?;
            Ok(())
        });
    }
}

/// What the program's functions are given.
pub enum Argument {
    Nothing,
    Number(f64),
    Text(&'static str),
    String(String),
    Strings(Vec<String>),
    Bytes(Vec<u8>),
}

impl<'js> IntoJs<'js> for Argument {
    fn into_js(self, ctx: &Ctx<'js>) -> Result<Value<'js>> {
        match self {
            Argument::Nothing => Ok(Value::new_undefined(ctx.clone())),
            Argument::Number(number) => number.into_js(ctx),
            Argument::Text(text) => text.into_js(ctx),
            Argument::String(text) => text.into_js(ctx),
            Argument::Strings(texts) => texts.into_js(ctx),
            Argument::Bytes(bytes) => ArrayBuffer::new(ctx.clone(), bytes)?.into_js(ctx),
        }
    }
}

fn track<'js>(ctx: Ctx<'js>, promise: Value<'js>, reason: Value<'js>, is_handled: bool) {
    REJECTED.with_borrow_mut(|all| {
        if is_handled {
            all.retain(|(known, _)| known.clone().restore(&ctx).is_ok_and(|known| known != promise));
        } else {
            let reason = told(&CaughtError::from_error(&ctx, ctx.throw(reason)));
            all.push((Persistent::save(&ctx, promise), reason));
        }
    });
}

fn told(error: &CaughtError<'_>) -> String {
    match error {
        CaughtError::Exception(exception) => exception.message().unwrap_or_default(),
        CaughtError::Value(value) => format!("{value:?}"),
        CaughtError::Error(error) => error.to_string(),
    }
}

/// Ends the process with one line.
pub fn fail(problem: &str) -> ! {
    report(&format!("the extension has a defect and ends: {problem}"));
    sys::exit(1)
}

/// Logs one line, as the program would.
pub fn report(message: &str) {
    let mut escaped = String::new();
    for character in message.chars() {
        match character {
            '"' | '\\' => escaped.extend(['\\', character]),
            control if control < ' ' => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    let line = format!("{{\"extension\":\"o2-lambda-extension\",\"level\":\"fatal\",\"message\":\"{escaped}\"}}\n");
    // nobody is left to tell
    let _ = sys::stdout().write_all(line.as_bytes());
}

/// A panic ends the process as any other defect does.
pub fn end_on_panic() {
    std::panic::set_hook(Box::new(|panic| fail(&panic.to_string())));
}

/// The bytecode of a module.
pub fn bytecode(name: &str, source: Vec<u8>) -> std::result::Result<Vec<u8>, String> {
    let compiled = Runtime::new().and_then(|runtime| {
        runtime.set_loader(SameName, Blanks);
        Context::full(&runtime)?.with(|ctx| {
            let options = WriteOptions {
                endianness: WriteOptionsEndianness::Little,
                strip_source: true,
                strip_debug: true,
                ..WriteOptions::default()
            };
            let declared = Module::declare(ctx.clone(), name, source).catch(&ctx);
            declared
                .map_err(|error| eprintln!("{}", told(&error)))
                .map_err(|()| Error::Unknown)?
                .write(options)
        })
    });
    compiled.map_err(|error| format!("{name}: {error}"))
}

/// All modules are in one directory.
struct SameName;

impl Resolver for SameName {
    fn resolve(&mut self, _: &Ctx<'_>, _: &str, name: &str, _: Option<ImportAttributes<'_>>) -> Result<String> {
        Ok(name.trim_start_matches("./").to_owned())
    }
}

struct Modules(Program);

impl Loader for Modules {
    fn load<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        name: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> Result<Module<'js, Declared>> {
        let bytes = self
            .0
            .module(name)
            .map_err(|error| Error::new_loading_message(name, error.to_string()))?;
        sys::load(ctx, &bytes)
    }
}

/// Stands for what a module imports while it is compiled: nothing is looked for in there before it runs.
struct Blanks;

impl Loader for Blanks {
    fn load<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        name: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> Result<Module<'js, Declared>> {
        Module::declare(ctx.clone(), name, "")
    }
}
