//! The harness that every test here is written with.
//!
//! * [`PacketScript`]: TCP conversations written down as a story, and the capture that a mirror would make of them.
//! * [`fuzz`]: what the fuzz targets do with bytes.
//! * [`h2`]: an end that speaks HTTP/2, for such stories.
//! * [`Remirror`]: any capture as a lossy mirror would deliver it.
//! * [`record`]: frames through the recorder's core; [`render()`]: what came out, as text for golden files.
//! * [`recorder()`], [`replayer()`]: the built programs, run with a time limit.
//! * [`Listening`]: a live recorder in this process; [`mirror`]: what sends to it.
//! * [`Subscriber`]: pyarrow at the end of a live stream.
//! * [`Target`]: an HTTP server on loopback that answers as told and remembers what arrived, byte for byte.
//! * [`portal()`]: a service behind a login, with tokens that are good once; [`Visitor`]: who uses it. [`Site`]: a web
//!   application of others, of the same kind.
//! * [`TlsFront`]: a real TLS server before it. [`Talk`]: a server that says and reads what a test wants, byte for byte.
//! * [`StoreGate`]: before a real S3 server, notes what passes.
//! * [`Http2Server`], [`Grpc`]: real servers of HTTP/2 and gRPC. [`Proxy`]: real nginx and Envoy.
//! * [`Wire`]: a connection that can be cut.
//! * [`Postgres`]: a real PostgreSQL, and [`Session`]s with tables of their own.
//! * [`S3Server`]: a real S3 server on loopback. [`read_archive`]: an archive on disk, back as exchanges.
//! * [`Http2Server`], [`Grpc`]: servers of others that speak HTTP/2. [`Relay`]: notes what passes between them and clients.
//! * [`browse()`]: a page in a real browser. [`run_python`]: readers that are not ours.
//! * [`shared_captures`], [`transactions`]: other people's captures, with a second opinion on each.

mod archive;
mod bin;
mod browser;
mod capture;
mod cut;
pub mod fuzz;
mod gate;
pub mod h2;
mod http2;
mod listening;
mod packets;
mod pipeline;
mod portal;
mod postgres;
mod proxies;
mod proxy;
mod python;
mod relay;
mod remirror;
mod render;
mod shared;
mod site;
mod subscriber;
mod talk;
mod target;
mod tls;
mod workspace;

pub use benches::S3Server;

pub use archive::{
    decode_segment, files_below, read_archive, read_encrypted_archive, read_encrypted_ledger,
    read_ledger, read_run,
};
pub use bin::{
    Ran, TIME_LIMIT, recorder, recorder_path, replayer, run, run_with_input, run_within,
};
pub use browser::browse;
pub use capture::{CapturedFrame, read_capture};
pub use cut::Wire;
pub use gate::StoreGate;
pub use http2::{Grpc, Http2Server};
pub use listening::{Listening, await_answer, get, metric, mirror};
pub use packets::{PacketScript, ScriptFrame};
pub use pipeline::{Recording, check_conservation, options, record, record_frames, record_with};
pub use portal::{Visitor, changed_portal, portal};
pub use postgres::{Postgres, Session, sql_text};
pub use proxies::{Proxy, free_port};
pub use proxy::ThrottlingProxy;
pub use python::{python, python_program, python_with, run_python};
pub use relay::Relay;
pub use remirror::{Encapsulation, Remirror, Remirrored};
pub use render::{render, render_exchange};
pub use shared::{Transaction, shared, shared_captures, transactions};
pub use site::Site;
pub use subscriber::Subscriber;
pub use talk::{Line, Talk};
pub use target::{Answer, Arrival, Target};
pub use tls::{Certificates, TlsFront};
pub use workspace::{source_files, workspace};
