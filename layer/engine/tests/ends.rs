//! How programs begin and end in the engine: each is compiled by it, and run.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output};

const ENGINE: &str = env!("CARGO_BIN_EXE_o2-lambda-engine");

/// An executable of these modules, the first of which is the program; the name is the test's own.
fn compiled(name: &str, modules: &[(&str, &str)]) -> PathBuf {
    let directory = std::env::temp_dir().join(format!("o2-engine-{name}-{}", std::process::id()));
    fs::create_dir_all(&directory).unwrap();
    let mut command = Command::new(ENGINE);
    let executable = directory.join("program");
    command.arg(ENGINE).arg(&executable);
    for (file, source) in modules {
        fs::write(directory.join(file), source).unwrap();
        command.arg(directory.join(file));
    }
    assert!(command.status().unwrap().success());
    fs::set_permissions(&executable, fs::Permissions::from_mode(0o755)).unwrap();
    executable
}

fn run(executable: &PathBuf) -> (Option<i32>, String) {
    let Output { status, stdout, .. } = Command::new(executable).output().unwrap();
    let _ = fs::remove_dir_all(executable.parent().unwrap());
    (status.code(), String::from_utf8(stdout).unwrap())
}

fn ends(name: &str, source: &str) -> (Option<i32>, String) {
    run(&compiled(name, &[("main.mjs", source)]))
}

/// The program ends with 1, and says why in one line of ours.
fn fails(name: &str, source: &str, why: &str) {
    let (code, output) = ends(name, source);
    assert_eq!(code, Some(1), "{output}");
    assert!(
        output.starts_with("{\"extension\":\"o2-lambda-extension\",\"level\":\"fatal\","),
        "{output}"
    );
    assert!(output.contains(why), "{output}");
    assert_eq!(output.lines().count(), 1, "{output}");
}

#[test]
fn a_program_writes_and_ends() {
    let source = "host.write('one\\n', () => {}); host.write('two\\n', () => host.exit(3))";
    assert_eq!(ends("writes", source), (Some(3), "one\ntwo\n".to_owned()));
}

#[test]
fn a_later_part_is_loaded_when_it_is_asked_for() {
    let main = "host.load('./later.mjs').then(({ text }) => host.write(text, () => host.exit(0)))";
    let executable = compiled(
        "later",
        &[("main.mjs", main), ("later.mjs", "export const text = 'later'")],
    );
    assert_eq!(run(&executable), (Some(0), "later".to_owned()));
}

#[test]
fn what_nobody_catches_ends_it() {
    fails("throws", "throw new Error('at once')", "at once");
    fails(
        "calls",
        "host.nextTurn(() => { throw new Error('in a \"call\"') })",
        "in a \\\"call\\\"",
    );
    fails("timer", "host.startTimer(1, () => { throw 'a text' })", "a text");
    fails(
        "rejects",
        "host.nextTurn(() => { Promise.reject(new Error('rejected')) })",
        "rejected",
    );
    fails("absent", "host.load('./absent.mjs')", "absent.mjs");
    fails("deep", "(function deeper() { return deeper() + 1 })()", "stack");
}

#[test]
fn large_bodies_are_compressed_beside_the_program() {
    let source = "let ticks = 0; const tick = () => { ticks++; host.startTimer(1, tick) }; tick();
        host.gzip(new Uint8Array(2e7), 9, (compressed) => host.exit(ticks > 2 && compressed ? 6 : 7))";
    assert_eq!(ends("compresses", source).0, Some(6));
}

#[test]
fn a_request_on_a_connection_that_has_just_ended_is_told_so() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = std::io::Read::read(&mut stream, &mut [0; 1000]);
            // answers once, and ends the connection while the program is busy
            let _ = std::io::Write::write_all(&mut stream, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    });
    let source = format!(
        "const get = (id, told) => host.send(id, 'GET', '/', ['host', 'x'], new Uint8Array(0), told)
        const round = (left) => {{
            if (left === 0) host.exit(8)
            const hangs = host.startTimer(3000, () => host.exit(9))
            const next = () => {{ host.stopTimer(hangs); host.nextTurn(() => round(left - 1)) }}
            const id = host.connect('127.0.0.1', {port}, undefined, undefined, (event) => {{
                if (event === 'connect') get(id, (event) => {{
                    if (event !== 'idle') return
                    // due in the turn in which the end is seen
                    host.startTimer(6, () => {{
                        if (!get(id, (event) => event === 'error' && next())) next()
                    }})
                    host.startTimer(3, () => {{ for (const end = Date.now() + 40; Date.now() < end;); }})
                }})
            }})
        }}
        round(20)"
    );
    assert_eq!(ends("ended", &source).0, Some(8));
}

#[test]
fn a_panic_ends_it_wherever_it_is() {
    fails("panics", "host.panic('call')", "in a call");
    fails("panics-task", "host.panic('task')", "in a task");
    fails("panics-thread", "host.panic('thread')", "on a thread");
}

#[test]
fn a_rejection_that_somebody_handles_in_the_same_turn_is_none() {
    let source = "const rejected = Promise.reject(new Error('x')); rejected.catch(() => host.exit(4))";
    assert_eq!(ends("handled", source).0, Some(4));
}

#[test]
fn a_signal_is_told_to_who_listens() {
    let executable = compiled(
        "signal",
        &[(
            "main.mjs",
            "host.onSignal('SIGTERM', () => host.exit(5)); host.write('ready\\n', () => {})",
        )],
    );
    let mut child = Command::new(&executable)
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.as_mut().unwrap()), &mut line).unwrap();
    assert!(
        Command::new("kill")
            .arg(child.id().to_string())
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(child.wait().unwrap().code(), Some(5));
}

#[test]
fn a_file_that_was_damaged_does_not_run() {
    let executable = compiled("damaged", &[("main.mjs", "host.exit(0)")]);
    let mut bytes = fs::read(&executable).unwrap();
    let at = bytes.windows(4).rposition(|window| window == b"main").unwrap();
    bytes[at] ^= 1;
    fs::write(&executable, bytes).unwrap();
    let (code, output) = run(&executable);
    assert_eq!(code, Some(1));
    assert!(output.contains("the layer is damaged"), "{output}");
}
