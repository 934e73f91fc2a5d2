//! Connections to HTTP servers, each used for one request at a time. Which one is used for what is the program's affair.

use crate::engine::{Argument, Callback};
use crate::error_code;
use crate::host::{tls, tunnel};
use crate::sys::with_bytes;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use rquickjs::{Ctx, Function, Object, Result, TypedArray};
use rustls::pki_types::ServerName;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::IpAddr;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::AbortHandle;

/// Headers of an answer, in bytes, as Node.js bounds them, and in lines.
const MAX_HEADER_BYTES: usize = 16 * 1024;
const MAX_HEADERS: usize = 200;

/// What is read of an answer at once.
const MAX_BUFFER_BYTES: usize = 64 * 1024;

/// A request, and who is told of its answer.
struct Exchange {
    request: Request<Full<Bytes>>,
    told: Callback,
}

struct Connection {
    exchanges: UnboundedSender<Exchange>,
    tasks: Vec<AbortHandle>,
}

thread_local! {
    static NEXT: Cell<u32> = const { Cell::new(1) };
    static CONNECTIONS: RefCell<HashMap<u32, Connection>> = RefCell::new(HashMap::new());
}

pub fn install<'js>(ctx: &Ctx<'js>, host: &Object<'js>) -> Result<()> {
    host.set("connect", Function::new(ctx.clone(), connect)?)?;
    host.set("send", Function::new(ctx.clone(), send)?)?;
    host.set("disconnect", Function::new(ctx.clone(), disconnect)?)
}

/// Begins to connect to an address; with a name, by TLS; with a request for a tunnel, through the proxy that is there. Tells
/// `connect`, `tunnel`, `secure`, `error` with a code, and `close`.
fn connect<'js>(
    ctx: Ctx<'js>,
    address: String,
    port: u16,
    name: Option<String>,
    tunnel: Option<String>,
    told: Function<'js>,
) -> f64 {
    let id = NEXT.replace(NEXT.get().wrapping_add(1));
    let told = Callback::new(&ctx, told);
    let (exchanges, wanted) = mpsc::unbounded_channel();
    let task = tokio::task::spawn_local(async move {
        let to = Peer {
            address,
            port,
            name,
            tunnel,
        };
        if let Err(code) = converse(id, to, wanted, &told).await {
            told.call([Argument::Text("error"), Argument::String(code)]);
        }
        CONNECTIONS.with_borrow_mut(|all| all.remove(&id));
        told.call([Argument::Text("close")]);
    });
    let connection = Connection {
        exchanges,
        tasks: vec![task.abort_handle()],
    };
    CONNECTIONS.with_borrow_mut(|all| all.insert(id, connection));
    f64::from(id)
}

/// Whom to connect to, and how.
struct Peer {
    address: String,
    port: u16,
    name: Option<String>,
    tunnel: Option<String>,
}

async fn converse(
    id: u32,
    Peer {
        address,
        port,
        name,
        tunnel,
    }: Peer,
    wanted: UnboundedReceiver<Exchange>,
    told: &Callback,
) -> std::result::Result<(), String> {
    let address: IpAddr = address.parse().map_err(|_| "EINVAL".to_owned())?;
    let mut stream = TcpStream::connect((address, port))
        .await
        .map_err(|error| error_code::of_io(&error))?;
    // a request should not wait for more
    let _ = stream.set_nodelay(true);
    told.call([Argument::Text("connect")]);
    if let Some(request) = tunnel {
        tunnel::pass(&mut stream, &request).await?;
        told.call([Argument::Text("tunnel")]);
    }
    let Some(name) = name else {
        return exchange_over(id, stream, wanted).await;
    };
    let name = ServerName::try_from(name).map_err(|_| "ERR_TLS_CERT_ALTNAME_INVALID".to_owned())?;
    let connector = tls::connector().ok_or("EPROTO")?;
    let stream = connector
        .connect(name, stream)
        .await
        .map_err(|error| error_code::of_io(&error))?;
    told.call([Argument::Text("secure")]);
    exchange_over(id, stream, wanted).await
}

/// Exchanges until the connection ends.
async fn exchange_over<S>(
    id: u32,
    stream: S,
    mut wanted: UnboundedReceiver<Exchange>,
) -> std::result::Result<(), String>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let mut builder = http1::Builder::new();
    builder
        .max_header_size(MAX_HEADER_BYTES)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_BUFFER_BYTES);
    let handshake = builder.handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|error| error_code::of_http(&error))?;
    let mut driver = tokio::task::spawn_local(async move {
        // what went wrong is told by the exchange that it went wrong for
        let _ = connection.await;
    });
    CONNECTIONS.with_borrow_mut(|all| {
        if let Some(connection) = all.get_mut(&id) {
            connection.tasks.push(driver.abort_handle());
        }
    });
    loop {
        // what was asked for as the connection ended has to be told that it did
        let exchange = tokio::select! {
            biased;
            exchange = wanted.recv() => exchange,
            _ = &mut driver => return Ok(()),
        };
        let Some(exchange) = exchange else { return Ok(()) };
        run(&mut sender, exchange).await;
    }
}

/// Tells `response` with status and headers, `data`, and `end`, or `error` with a code; `idle` as soon as another may follow.
async fn run(sender: &mut SendRequest<Full<Bytes>>, Exchange { request, told }: Exchange) {
    let response = match sender.send_request(request).await {
        Ok(response) => response,
        Err(error) => return told.call([Argument::Text("error"), Argument::String(error_code::of_http(&error))]),
    };
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return told.call([Argument::Text("upgrade")]);
    }
    let headers = response.headers().iter().flat_map(|(name, value)| {
        [
            name.as_str().to_owned(),
            value.as_bytes().iter().map(|&byte| char::from(byte)).collect(),
        ]
    });
    let status = Argument::Number(f64::from(response.status().as_u16()));
    told.call([Argument::Text("response"), status, Argument::Strings(headers.collect())]);
    let mut body = response.into_body();
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => {
                if let Ok(data) = frame.into_data() {
                    told.call([Argument::Text("data"), Argument::Bytes(data.to_vec())]);
                }
            }
            Err(error) => {
                return told.call([Argument::Text("error"), Argument::String(error_code::of_http(&error))]);
            }
        }
    }
    // Most are idle in the next turn: who sends again at the end finds the connection. Others still take the request's rest.
    tokio::task::yield_now().await;
    let is_idle = tokio::select! {
        biased;
        ready = sender.ready() => Some(ready.is_ok()),
        () = tokio::task::yield_now() => None,
    };
    if is_idle == Some(true) {
        told.call([Argument::Text("idle")]);
    }
    told.call([Argument::Text("end")]);
    if is_idle.is_none() && sender.ready().await.is_ok() {
        told.call([Argument::Text("idle")]);
    }
}

/// Sends a request; names and values of its headers take turns. Says whether it is one, on a connection that is open.
fn send<'js>(
    ctx: Ctx<'js>,
    id: f64,
    method: String,
    target: String,
    headers: Vec<String>,
    body: TypedArray<'js, u8>,
    told: Function<'js>,
) -> bool {
    let body = with_bytes(&body, Bytes::copy_from_slice);
    let mut request = Request::builder().method(method.as_str()).uri(target);
    for header in headers.chunks_exact(2) {
        let name = HeaderName::from_bytes(header[0].as_bytes());
        let value = HeaderValue::from_bytes(&header[1].chars().map(|letter| letter as u8).collect::<Vec<_>>());
        if let (Ok(name), Ok(value)) = (name, value) {
            request = request.header(name, value);
        }
    }
    let Ok(request) = request.body(Full::new(body)) else {
        return false;
    };
    let exchange = Exchange {
        request,
        told: Callback::new(&ctx, told),
    };
    CONNECTIONS.with_borrow(|all| {
        all.get(&(id as u32))
            .is_some_and(|connection| connection.exchanges.send(exchange).is_ok())
    })
}

/// Closes a connection; nothing is told of it afterwards.
fn disconnect(id: f64) {
    let connection = CONNECTIONS.with_borrow_mut(|all| all.remove(&(id as u32)));
    for task in connection.into_iter().flat_map(|connection| connection.tasks) {
        task.abort();
    }
}
