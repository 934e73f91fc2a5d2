//! Runs the extension's program, QuickJS bytecode at the end of this very file; or makes such a file.

mod engine;
mod error_code;
mod host;
mod program;
mod registration;
mod sys;

use std::process::ExitCode;

fn main() -> ExitCode {
    engine::end_on_panic();
    sys::keep_one_heap();
    match program::Program::of_this_executable() {
        Ok(Some(program)) => engine::run(program),
        Ok(None) => match compile(&std::env::args().skip(1).collect::<Vec<_>>()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(problem) => {
                eprintln!("{problem}");
                ExitCode::FAILURE
            }
        },
        Err(problem) => {
            engine::report(&format!("the layer is damaged: {problem}"));
            ExitCode::FAILURE
        }
    }
}

/// `<engine> <output> <main module> <other module>…`: an engine, for whichever machine, with a program in it.
fn compile(args: &[String]) -> Result<(), String> {
    let [engine, output, modules @ ..] = args else {
        return Err("usage: o2-lambda-engine <engine> <output> <module>…; the first module is the program".into());
    };
    let failed = |path: &str, error: std::io::Error| format!("{path}: {error}");
    let modules = modules
        .iter()
        .map(|path| {
            let name = path.rsplit('/').next().unwrap_or(path);
            let source = std::fs::read(path).map_err(|error| failed(path, error))?;
            Ok((name.to_owned(), engine::bytecode(name, source)?))
        })
        .collect::<Result<Vec<_>, String>>()?;
    let engine = std::fs::read(engine).map_err(|error| failed(engine, error))?;
    std::fs::write(output, program::with_program(engine, &modules)).map_err(|error| failed(output, error))
}
