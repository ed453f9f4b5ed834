//! A recorder's live stream, read by a task of its own: it connects, goes on after the last row, and says what it could not.

use std::time::Duration;

use anyhow::{Context as _, bail};
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Client, Response, StatusCode};
use schema::RecorderId;
use schema::live::{
    AFTER_PARAMETER, FROM_NOW, FROM_OLDEST, FROM_PARAMETER, LiveDecoder, MEDIA_TYPE, Position, Row,
};
use tokio::sync::mpsc;

use crate::config::LiveConfig;
use crate::send::{TlsOptions, client_config};

/// How long until the stream is asked for again, at first and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(15));
/// A recorder sends a batch at least every six seconds or so, with rows or without.
const SILENCE_MAX: Duration = Duration::from_secs(20);
/// How long connecting may take, up to the head of the answer.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// Batches that are read and not yet taken.
const BATCHES_WAITING_MAX: usize = 2;
/// Bytes of a refusal that are shown.
const REFUSAL_BYTES_MAX: usize = 500;

/// What the task tells.
#[derive(Debug)]
pub(super) enum Event {
    /// A stream begins, which goes on where the one before ended, or is the first and begins now.
    Begun(RecorderId),
    /// A stream begins with the oldest that there is: what was recorded between is not known.
    BegunAnew(RecorderId),
    /// Bytes came, with these rows.
    Rows(Vec<Row>),
    /// The recorder has nothing to give: all that it has recorded has come.
    Idle,
    /// The recorder has ended the stream, which is whole.
    Ended,
    /// The stream was cut.
    Cut,
    /// The recorder refuses, for a reason that does not pass.
    Refused(anyhow::Error),
}

/// Where a stream begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// With the next exchange.
    Now,
    /// With the oldest that there is.
    Oldest,
    /// Behind this one.
    After(Position),
}

/// Reads the stream until nobody takes what it gives.
///
/// # Errors
/// If the client cannot be set up.
pub(super) fn start(config: &LiveConfig, from: Start) -> anyhow::Result<mpsc::Receiver<Event>> {
    let (events, receiver) = mpsc::channel(BATCHES_WAITING_MAX);
    let reading = Reading {
        client: client(config)?,
        config: config.clone(),
        from,
        was_begun: false,
        retry: RETRY.0,
        events,
    };
    tokio::spawn(reading.run());
    Ok(receiver)
}

fn client(config: &LiveConfig) -> anyhow::Result<Client> {
    let builder = Client::builder()
        .no_proxy()
        .http1_only()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_MAX)
        .pool_max_idle_per_host(0)
        .tcp_nodelay(true);
    let builder = if config.url.scheme() == "https" {
        let options = TlsOptions {
            ca_file: config.ca_file.clone(),
            ..TlsOptions::default()
        };
        let tls = client_config(&options).context("trust the live stream (--live-ca-file)")?;
        builder.tls_backend_preconfigured(tls)
    } else {
        builder
    };
    builder.build().context("set up the live stream's client")
}

/// Nobody takes events any more.
struct Gone;

struct Reading {
    client: Client,
    config: LiveConfig,
    from: Start,
    /// Whether any stream was had.
    was_begun: bool,
    /// How long to wait before the next attempt.
    retry: Duration,
    events: mpsc::Sender<Event>,
}

impl Reading {
    async fn run(mut self) {
        while let Ok(()) = self.read_once().await {
            tokio::time::sleep(self.retry).await;
            self.retry = (self.retry * 2).min(RETRY.1);
        }
    }

    /// One stream from its beginning to its end, or an attempt to get one.
    async fn read_once(&mut self) -> Result<(), Gone> {
        let answer = match self.ask().await {
            Ok(answer) => answer,
            Err(error) => {
                tracing::warn!("the live stream is not there, trying again: {error:#}");
                // What is recorded until it is must not be passed by.
                if self.from == Start::Now {
                    self.from = Start::Oldest;
                }
                return Ok(());
            }
        };
        match answer.status() {
            StatusCode::OK => self.read(answer).await,
            StatusCode::GONE => {
                tracing::warn!(
                    "the recorder does not have what follows the last exchange any more"
                );
                self.from = Start::Oldest;
                self.retry = RETRY.0;
                Ok(())
            }
            status if status.is_server_error() || self.was_begun => {
                let why = text_of(answer).await;
                tracing::warn!("the live stream was refused ({status}), trying again: {why}");
                if self.from == Start::Now {
                    self.from = Start::Oldest;
                }
                Ok(())
            }
            status => {
                let why = text_of(answer).await;
                let url = &self.config.url;
                let error = anyhow::anyhow!("{url} refuses to stream ({status}): {why}");
                self.tell(Event::Refused(error)).await?;
                Err(Gone)
            }
        }
    }

    async fn ask(&self) -> anyhow::Result<Response> {
        let mut url = self.config.url.clone();
        let (name, value) = match self.from {
            Start::Now => (FROM_PARAMETER, FROM_NOW.to_owned()),
            Start::Oldest => (FROM_PARAMETER, FROM_OLDEST.to_owned()),
            Start::After(position) => (AFTER_PARAMETER, position.to_string()),
        };
        url.query_pairs_mut().append_pair(name, &value);
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(MEDIA_TYPE));
        // Read each time, as tokens are replaced.
        if let Some(path) = &self.config.token_file {
            let token = tokio::fs::read_to_string(path)
                .await
                .with_context(|| format!("--live-token-file {}", path.display()))?;
            let value = HeaderValue::from_str(&format!("Bearer {}", token.trim()));
            let mut value = value.context("--live-token-file holds no token")?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let request = self.client.get(url).headers(headers).send();
        let answer = tokio::time::timeout(CONNECT_MAX, request).await;
        answer.context("no answer in time")?.map_err(Into::into)
    }

    /// Reads a stream to its end.
    async fn read(&mut self, mut answer: Response) -> Result<(), Gone> {
        let mut decoder = LiveDecoder::new();
        let mut is_told = false;
        // The first batch says only that the stream has begun: what has waited comes behind it.
        let mut has_batch = false;
        let ended = loop {
            let chunk = tokio::time::timeout(SILENCE_MAX, answer.chunk()).await;
            let rows = match self.take(&mut decoder, chunk) {
                Ok(Some(rows)) => rows,
                Ok(None) => {
                    tracing::info!("the recorder has ended its live stream");
                    break Event::Ended;
                }
                Err(error) => {
                    tracing::warn!("the live stream broke off: {error:#}");
                    break Event::Cut;
                }
            };
            if !is_told && let Some(recorder) = decoder.recorder().cloned() {
                is_told = true;
                self.retry = RETRY.0;
                self.was_begun = true;
                let begun = match self.from {
                    Start::Oldest => Event::BegunAnew(recorder),
                    Start::Now | Start::After(_) => Event::Begun(recorder),
                };
                self.tell(begun).await?;
            }
            let last = rows.last().map(|row| row.position);
            let is_whole = decoder.is_between_batches();
            let is_idle = last.is_none() && has_batch && is_whole;
            has_batch |= is_whole;
            let came = match is_idle {
                true => Event::Idle,
                false => Event::Rows(rows),
            };
            self.tell(came).await?;
            if let Some(position) = last {
                self.from = Start::After(position);
            }
        };
        // Without a row there is no place to go on from.
        if self.from == Start::Now {
            self.from = Start::Oldest;
        }
        self.tell(ended).await
    }

    /// The rows of the next bytes; `None` at the end of the stream.
    fn take(
        &self,
        decoder: &mut LiveDecoder,
        chunk: Result<reqwest::Result<Option<bytes::Bytes>>, tokio::time::error::Elapsed>,
    ) -> anyhow::Result<Option<Vec<Row>>> {
        match chunk {
            Err(_) => bail!("{} is silent", self.config.url),
            Ok(Err(error)) => Err(error.into()),
            Ok(Ok(Some(bytes))) => Ok(Some(decoder.push(bytes)?)),
            Ok(Ok(None)) => {
                decoder.finish()?;
                Ok(None)
            }
        }
    }

    async fn tell(&self, event: Event) -> Result<(), Gone> {
        self.events.send(event).await.map_err(|_| Gone)
    }
}

/// What a refusal says.
async fn text_of(mut answer: Response) -> String {
    let mut text = Vec::new();
    while text.len() < REFUSAL_BYTES_MAX
        && let Ok(Ok(Some(bytes))) = tokio::time::timeout(CONNECT_MAX, answer.chunk()).await
    {
        text.extend_from_slice(&bytes);
    }
    text.truncate(REFUSAL_BYTES_MAX);
    String::from_utf8_lossy(&text).trim().to_owned()
}
