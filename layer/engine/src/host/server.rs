//! An HTTP server. It has no time-outs, like the program's on Node.js: the sandbox may be frozen in the middle of a request.

use crate::engine::{Argument, Callback};
use crate::error_code;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rquickjs::{Ctx, Function, IntoJs, Object, Result, Value};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::rc::Rc;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};

/// Headers of a request, in bytes and lines, as Node.js bounds them.
const MAX_HEADER_BYTES: usize = 16 * 1024;
const MAX_HEADERS: usize = 200;

/// What is read of a request at once.
const MAX_BUFFER_BYTES: usize = 64 * 1024;

/// After an error of `accept`, which is a lack of descriptors nearly always, in ms.
const ACCEPT_PAUSE_MS: u64 = 50;

#[derive(Default)]
struct Connection {
    closed: Notify,
    /// Takes the status of the answer to the request that is being read.
    answer: RefCell<Option<oneshot::Sender<u16>>>,
}

#[derive(Default)]
struct Server {
    closed: Rc<Notify>,
    next: Cell<u32>,
    connections: RefCell<HashMap<u32, Rc<Connection>>>,
}

thread_local! {
    static SERVERS: RefCell<Vec<Rc<Server>>> = const { RefCell::new(Vec::new()) };
}

pub fn install<'js>(ctx: &Ctx<'js>, host: &Object<'js>) -> Result<()> {
    host.set("listen", Function::new(ctx.clone(), listen)?)?;
    host.set("respond", Function::new(ctx.clone(), respond)?)?;
    host.set("closeConnection", Function::new(ctx.clone(), close_connection)?)?;
    host.set("closeServer", Function::new(ctx.clone(), close_server)?)
}

/// Opens a port on every address of the machine; answers with it and the server's number, or with an error's code.
fn listen<'js>(ctx: Ctx<'js>, told: Function<'js>) -> Result<Value<'js>> {
    match open() {
        Ok((listener, port)) => {
            let server = Rc::new(Server::default());
            let id = SERVERS.with_borrow_mut(|servers| {
                servers.push(server.clone());
                servers.len() - 1
            });
            tokio::task::spawn_local(serve(listener, server, Callback::new(&ctx, told)));
            vec![id as f64, f64::from(port)].into_js(&ctx)
        }
        Err(error) => error_code::of_io(&error).into_js(&ctx),
    }
}

fn open() -> io::Result<(TcpListener, u16)> {
    // where there is no IPv6, the other kind alone
    let bind = std::net::TcpListener::bind::<SocketAddr>;
    let listener = bind((Ipv6Addr::UNSPECIFIED, 0).into()).or_else(|_| bind((Ipv4Addr::UNSPECIFIED, 0).into()))?;
    listener.set_nonblocking(true)?;
    let port = listener.local_addr()?.port();
    Ok((TcpListener::from_std(listener)?, port))
}

async fn serve(listener: TcpListener, server: Rc<Server>, told: Callback) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = server.closed.notified() => return,
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(std::time::Duration::from_millis(ACCEPT_PAUSE_MS)).await;
            continue;
        };
        let id = server.next.replace(server.next.get() + 1);
        let connection = Rc::new(Connection::default());
        server.connections.borrow_mut().insert(id, connection.clone());
        tokio::task::spawn_local(converse(stream, id, server.clone(), connection, told.clone()));
        // those that are to be closed for this one go first
        tokio::task::yield_now().await;
    }
}

async fn converse(stream: TcpStream, id: u32, server: Rc<Server>, connection: Rc<Connection>, told: Callback) {
    // an answer should not wait for more
    let _ = stream.set_nodelay(true);
    told.call([Argument::Text("connection"), Argument::Number(f64::from(id))]);
    let service = service_fn(|request| receive(request, id, &connection, &told));
    {
        let conversation = http1::Builder::new()
            .max_header_size(MAX_HEADER_BYTES)
            .max_headers(MAX_HEADERS)
            .max_buf_size(MAX_BUFFER_BYTES)
            // who has nothing more to ask may still wait for its answers
            .half_close(true)
            .serve_connection(TokioIo::new(stream), service);
        tokio::select! {
            _ = conversation => (),
            () = connection.closed.notified() => (),
        }
    }
    server.connections.borrow_mut().remove(&id);
    told.call([Argument::Text("close"), Argument::Number(f64::from(id))]);
}

/// Hands a request over piece by piece; answers when the program says so.
async fn receive(
    request: Request<Incoming>,
    id: u32,
    connection: &Connection,
    told: &Callback,
) -> std::result::Result<Response<Empty<Bytes>>, hyper::Error> {
    let (answer, answered) = oneshot::channel();
    connection.answer.replace(Some(answer));
    let number = || Argument::Number(f64::from(id));
    let method = Argument::String(request.method().to_string());
    let target = Argument::String(request.uri().to_string());
    told.call([Argument::Text("request"), number(), method, target]);
    let mut body = request.into_body();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            told.call([Argument::Text("data"), number(), Argument::Bytes(data.to_vec())]);
        }
    }
    told.call([Argument::Text("end"), number()]);
    let mut response = Response::new(Empty::new());
    let status = answered.await.ok().and_then(|status| StatusCode::from_u16(status).ok());
    *response.status_mut() = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Ok(response)
}

fn with_server(server: f64, run: impl FnOnce(&Server)) {
    let found = SERVERS.with_borrow(|servers| servers.get(server as usize).cloned());
    if let Some(server) = found {
        run(&server);
    }
}

fn with_connection(server: f64, id: f64, run: impl FnOnce(&Connection)) {
    with_server(server, |server| {
        let found = server.connections.borrow().get(&(id as u32)).cloned();
        if let Some(connection) = found {
            run(&connection);
        }
    });
}

fn respond(server: f64, id: f64, status: u16) {
    with_connection(server, id, |connection| {
        if let Some(answer) = connection.answer.take() {
            // who is gone needs none
            let _ = answer.send(status);
        }
    });
}

fn close_connection(server: f64, id: f64) {
    with_connection(server, id, |connection| connection.closed.notify_one());
}

/// Closes the port at once, and every connection.
fn close_server(server: f64) {
    with_server(server, |server| {
        server.closed.notify_one();
        for connection in server.connections.borrow().values() {
            connection.closed.notify_one();
        }
    });
}
