//! One capture: what it is, and the packet that it stands at.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use anyhow::{Context as _, anyhow, bail};
use recorder_core::{Frame, LinkType};
use schema::Timestamp;
use xxhash_rust::xxh3::xxh3_64;

use super::input::Input;
use super::pcap::{self, Pcap};
use super::pcapng::{self, PcapNg};
use super::{Fault, Head, Link};

/// A capture that has been looked into and whose turn has not come.
pub(super) struct Pending {
    path: PathBuf,
    name: String,
    /// Length on disk; `None` for pipes.
    bytes: Option<u64>,
    first: Option<Timestamp>,
    fingerprint: u64,
    /// A pipe stays open: its first bytes come only once.
    open: Option<Box<CaptureFile>>,
}

impl Pending {
    /// Opens a capture, reads to its first packet, and closes it again if that can be repeated.
    pub(super) fn look_into(path: &Path, progress: &Arc<AtomicU64>) -> anyhow::Result<Self> {
        let shown = path.display();
        let is_stdin = path.as_os_str() == "-";
        let (name, bytes) = if is_stdin {
            ("stdin".to_owned(), None)
        } else {
            let metadata =
                std::fs::metadata(path).with_context(|| format!("cannot read `{shown}`"))?;
            if metadata.is_dir() {
                bail!("cannot read `{shown}`: it is a directory; name the capture files in it");
            }
            let name = path.file_name().unwrap_or(path.as_os_str());
            let bytes = metadata.is_file().then_some(metadata.len());
            (name.to_string_lossy().into_owned(), bytes)
        };
        // What is read twice is counted the second time.
        let look = if bytes.is_some() {
            &Arc::default()
        } else {
            progress
        };
        let input = if is_stdin {
            Input::stdin(look)
        } else {
            Input::open(path, look)
        };
        let input = input.with_context(|| format!("cannot read `{shown}`"))?;
        let file = CaptureFile::open(input, Arc::from(&*name))
            .map_err(|problem| anyhow!("`{shown}` {problem}"))?;
        Ok(Self {
            path: path.to_owned(),
            name,
            bytes,
            first: file.head.map(|head| head.at),
            fingerprint: file.fingerprint(),
            open: bytes.is_none().then(|| Box::new(file)),
        })
    }

    /// Begins to read it, as a capture of `source`.
    pub(super) fn begin(
        self,
        source: Arc<str>,
        progress: &Arc<AtomicU64>,
    ) -> anyhow::Result<CaptureFile> {
        let mut file = match self.open {
            Some(file) => *file,
            None => CaptureFile::open(Input::open(&self.path, progress)?, Arc::from(&*self.name))
                .map_err(|problem| anyhow!(problem))?,
        };
        file.source = source;
        file.name = self.name;
        Ok(file)
    }

    /// What captures are put in order by: the first frame's time, then the name.
    pub(super) fn sort_key(&self) -> (Option<Timestamp>, &str, &Path) {
        (self.first, &self.name, &self.path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The base name, `stdin` for standard input.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn bytes(&self) -> Option<u64> {
        self.bytes
    }

    /// Time of the first frame; `None` if there is none.
    pub(super) fn first(&self) -> Option<Timestamp> {
        self.first
    }

    /// A hash of everything up to the end of the first packet.
    pub(super) fn fingerprint(&self) -> u64 {
        self.fingerprint
    }
}

/// A capture under way.
pub(super) struct CaptureFile {
    name: String,
    source: Arc<str>,
    input: Input,
    format: Format,
    /// The packet that it stands at; `None` after the last.
    head: Option<Head>,
    /// Time of the packet before.
    last: Option<Timestamp>,
    fault: Option<Fault>,
}

impl CaptureFile {
    /// Finds out what `input` is and goes to its first packet.
    ///
    /// # Errors
    /// If it is no capture: how the sentence goes on that starts with its name.
    fn open(mut input: Input, source: Arc<str>) -> Result<Self, String> {
        let format = Format::detect(&mut input)?;
        let mut file = Self {
            name: String::new(),
            source,
            input,
            format,
            head: None,
            last: None,
            fault: None,
        };
        file.advance();
        Ok(file)
    }

    /// Goes to the next packet.
    pub(super) fn advance(&mut self) -> Option<Head> {
        if let Some(head) = self.head {
            self.last = Some(head.at);
        }
        let next = match &mut self.format {
            Format::Pcap(pcap) => pcap.next(&mut self.input),
            Format::PcapNg(pcapng) => pcapng.next(&mut self.input),
        };
        self.head = next.unwrap_or_else(|fault| {
            self.fault = Some(fault);
            None
        });
        self.head
    }

    /// The packet that it stands at.
    pub(super) fn head(&self) -> Option<Head> {
        self.head
    }

    /// The packet that it stands at, as a frame. One of an unsupported link type is empty: nothing in it can be read, and
    /// it is counted as undecodable.
    pub(super) fn frame(&self) -> (Frame<'_>, Head) {
        let head = self
            .head
            .expect("a capture without a packet left is not chosen");
        let (link, len, wire_len) = match head.link {
            Link::Known(link) => (link, head.len, head.wire_len),
            Link::Unsupported(_) => (LinkType::RawIp, 0, 0),
        };
        let frame = Frame {
            at: head.at,
            link,
            bytes: self.input.used(head.data, len),
            wire_len,
            source: &self.source,
        };
        (frame, head)
    }

    /// Its name, its source, when its last packet was captured, and why it ended early if it did.
    pub(super) fn into_end(self) -> (String, Arc<str>, Option<Timestamp>, Option<Fault>) {
        (self.name, self.source, self.last, self.fault)
    }

    /// A hash of everything up to the end of the first packet: the same however the bytes came in.
    fn fingerprint(&self) -> u64 {
        xxh3_64(self.input.all_used())
    }
}

/// What a capture is written in.
enum Format {
    Pcap(Pcap),
    PcapNg(PcapNg),
}

impl Format {
    fn detect(input: &mut Input) -> Result<Self, String> {
        let enough = input
            .fill(pcap::HEADER_BYTES)
            .map_err(|Fault(fault)| format!("is not a capture: {fault}"))?;
        let start = input.available();
        if start.is_empty() {
            return Err("is empty".to_owned());
        }
        if start.starts_with(&pcapng::SECTION_HEADER.to_be_bytes()) {
            return Ok(Self::PcapNg(PcapNg::open()));
        }
        let pcap = if enough { Pcap::open(input) } else { None };
        pcap.map(Self::Pcap).ok_or_else(|| {
            "is not a capture: neither pcap nor pcapng, plain, gzip or zstd".to_owned()
        })
    }
}
