//! One request and its answer over one connection (RFC 9112), each bounded.
//!
//! Used by `mod`. The connection must never outlive the exchange, and nothing that the server says decides
//! how much is read.

use super::place::{Place, is_public};
use super::{Answer, Form, Limits, refused};
use crate::net::error::{Error, Result};
use crate::net::stream::{self, Wire};
use crate::net::tls;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{self, HeaderMap, HeaderName};
use hyper::rt::ReadBufCursor;
use hyper::{Method, Request, Response, StatusCode};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The longest header of an answer.
const HEADER_BYTES_MAX: usize = 64 * 1024;
/// What we call ourselves. Some servers give nothing to who has no name; ours says neither program, version
/// nor system.
const USER_AGENT: &str = "Mail";

/// What came of a request.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It was answered.
    Answer(Answer),
    /// It lies elsewhere: where, as the server wrote it (RFC 9110 §15.4).
    Elsewhere(String),
}

/// Asks one server.
pub(super) async fn ask(
    place: &Place,
    limits: &Limits,
    form: Option<&Form<'_>>,
) -> Result<Outcome> {
    let wire = connect(place, limits).await?;
    let failed = |e: &hyper::Error| explain(place, e);
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(HEADER_BYTES_MAX)
        .handshake(Link(wire))
        .await
        .map_err(|e| failed(&e))?;
    let request = request(place, limits, form)?;
    let asking = async {
        let answer = sender.send_request(request).await.map_err(|e| failed(&e))?;
        read(place, limits, answer).await
    };
    tokio::pin!(asking);
    tokio::select! {
        biased;
        outcome = &mut asking => return outcome,
        // The connection ends before the answer was taken: what is left of it was read already.
        _ended = connection => {}
    }
    asking.await
}

async fn connect(place: &Place, limits: &Limits) -> Result<Box<dyn Wire>> {
    let allowed = match limits.instead {
        Some(address) => vec![address],
        None => allowed(place, limits).await?,
    };
    let (tcp, _) = stream::connect_to(&place.host, place.port, allowed).await?;
    if place.is_safe() && limits.instead.is_none() {
        tls::start(tcp, &place.host, limits.ca_file.as_deref()).await
    } else {
        Ok(Box::new(tcp))
    }
}

/// The addresses of the host that may be asked.
async fn allowed(place: &Place, limits: &Limits) -> Result<Vec<SocketAddr>> {
    let mut addresses = stream::addresses(&place.host, place.port)
        .await
        .map_err(|error| error.hint("Check whether you are online."))?;
    addresses.retain(|a| limits.allow_private || is_public(a.ip()));
    if addresses.is_empty() {
        return Err(refused(format!(
            "{} is an address of your own network or computer, and is not asked.",
            place.host
        )));
    }
    Ok(addresses)
}

fn request(
    place: &Place,
    limits: &Limits,
    form: Option<&Form<'_>>,
) -> Result<Request<Full<Bytes>>> {
    let mut builder = Request::builder()
        .method(if form.is_some() {
            Method::POST
        } else {
            Method::GET
        })
        .uri(place.target())
        .header(header::HOST, place.authority())
        .header(header::USER_AGENT, USER_AGENT)
        .header(header::ACCEPT, limits.accept)
        .header(header::ACCEPT_ENCODING, "identity")
        .header(header::CONNECTION, "close");
    let mut body = Bytes::new();
    if let Some(form) = form {
        builder = builder.header(header::CONTENT_TYPE, form.content_type);
        body = Bytes::copy_from_slice(form.body);
    }
    builder
        .body(Full::new(body))
        .map_err(|e| refused(format!("The address cannot be asked for: {e}.")))
}

async fn read(place: &Place, limits: &Limits, answer: Response<Incoming>) -> Result<Outcome> {
    let (head, body) = answer.into_parts();
    let status = head.status;
    if let Some(outcome) = elsewhere(place, status, &head.headers)? {
        return Ok(outcome);
    }
    if !status.is_success() {
        return Err(no(place, status));
    }
    let body = whole(place, limits, body).await?;
    Ok(Outcome::Answer(Answer {
        status: status.as_u16(),
        content_type: field(&head.headers, &header::CONTENT_TYPE).unwrap_or_default(),
        body,
        host: place.host.clone(),
    }))
}

fn elsewhere(place: &Place, status: StatusCode, fields: &HeaderMap) -> Result<Option<Outcome>> {
    if !matches!(status.as_u16(), 301..=303 | 307 | 308) {
        return Ok(None);
    }
    let target = field(fields, &header::LOCATION)
        .ok_or_else(|| Error::protocol(format!("{} sends us to no address.", place.host)))?;
    Ok(Some(Outcome::Elsewhere(target)))
}

fn field(fields: &HeaderMap, name: &HeaderName) -> Option<String> {
    let value = fields.get(name)?.to_str().ok()?;
    Some(value.to_owned())
}

/// What a refusal means. The server's own words are not shown: the number says it.
fn no(place: &Place, status: StatusCode) -> Error {
    let host = &place.host;
    match status.as_u16() {
        404 | 410 => refused(format!("{host} knows no such page.")),
        401 | 403 => refused(format!("{host} does not give it to everybody.")),
        408 | 429 | 500..=599 => Error::transient(format!(
            "{host} cannot answer now ({status}).",
            status = status.as_u16()
        ))
        .hint("Try again later."),
        code => refused(format!("{host} refused with {code}.")),
    }
}

/// The body, to the end that the server announced and not further than the limit.
async fn whole(place: &Place, limits: &Limits, mut body: Incoming) -> Result<Vec<u8>> {
    let too_large = || {
        let size = crate::model::size_text(u64::try_from(limits.bytes_max).unwrap_or(u64::MAX));
        refused(format!("What {} gives is larger than {size}.", place.host))
    };
    let announced = body.size_hint().lower();
    if announced > u64::try_from(limits.bytes_max).unwrap_or(u64::MAX) {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|e| explain(place, &e))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if bytes.len() + data.len() > limits.bytes_max {
            return Err(too_large());
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

/// The library's errors in plain words.
fn explain(place: &Place, error: &hyper::Error) -> Error {
    let host = &place.host;
    if error.is_parse() {
        Error::protocol(format!("{host} did not answer as a web server does."))
    } else {
        Error::transient(format!(
            "{host} closed the connection before all was there."
        ))
    }
}

/// Our streams as the library wants them.
#[derive(Debug)]
struct Link(Box<dyn Wire>);

/// So much is read at once.
const CHUNK: usize = 16 * 1024;

impl hyper::rt::Read for Link {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut into: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        // Copied once more than needed: the way without a copy is not safe Rust.
        let mut chunk = [0; CHUNK];
        let room = into.remaining().min(CHUNK);
        let (front, _) = chunk.split_at_mut(room);
        let mut buffer = ReadBuf::new(front);
        ready!(Pin::new(&mut self.0).poll_read(cx, &mut buffer))?;
        into.put_slice(buffer.filled());
        Poll::Ready(Ok(()))
    }
}

impl hyper::rt::Write for Link {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, from)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
