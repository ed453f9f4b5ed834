//! What to generate.

use std::net::SocketAddr;
use std::time::Duration;

use schema::{Timestamp, Vni};

use crate::{Frames, Rng, SentExchange};

// Streams of numbers, so that none depends on how many another one took; 1 to 5 are those of contents and frames.
const START: u64 = 6;
const LATENCY: u64 = 7;

/// A load of HTTP/1.1 over keep-alive connections, a pure function of its fields.
#[derive(Clone, Debug)]
pub struct Traffic {
    /// The same seed gives the same bytes.
    pub seed: u64,
    /// How many exchanges.
    pub exchanges: u64,
    /// Which exchanges.
    pub mix: Mix,
    /// How many keep-alive connections are open at a time; exchange `n` goes over connection `n % connections`.
    pub connections: u64,
    /// After how many exchanges a connection is closed and another one opened in its place.
    pub exchanges_per_connection: u64,
    /// Capture time of the first frame.
    pub start: Timestamp,
    /// Mean time between the starts of two exchanges: exchange `n` starts at some moment of the `n`th interval.
    pub interval: Duration,
    /// Mean time from a request's last frame to its answer's first, which is between half and one and a half of this; less
    /// than `interval` times `connections`. Times without any chance in them would compress like no real capture's.
    pub latency: Duration,
    /// How many different answers there are: exchange `n` gets answer `n % answers`. 1 lets a target with one fixed answer
    /// agree with the recording.
    pub answers: u64,
    /// The network that the mirror wraps the frames for; `None` leaves them bare.
    pub vni: Option<Vni>,
    /// What the mirror does to the frames.
    pub impairment: Impairment,
}

/// Which exchanges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mix {
    /// GETs of 500 B with answers of 1 KiB of JSON.
    Gets,
    /// POSTs of 4 KiB of JSON with answers of 1 KiB.
    Posts,
    /// GETs of 500 B with answers of 100 KiB of JSON.
    LargeAnswers,
    /// What an API sends: known shapes, few distinct values, some ids and times; answers of 0.7 KiB on average.
    Api,
    /// GETs of 64 static texts of 24 KiB.
    Static,
    /// GETs of answers of 4 KiB that nothing compresses much: random text of 64 letters.
    Incompressible,
    /// Of 20 exchanges, 1 with a large answer, 4 POSTs and 15 GETs.
    Mixed,
}

/// What a mirror does to frames, each a probability from 0 to 1 per frame.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Impairment {
    /// The frame never arrives.
    pub loss: f64,
    /// The frame arrives twice.
    pub duplicate: f64,
    /// The frame arrives later than those sent after it.
    pub reorder: f64,
    /// The longest delay of a reordered frame, and of the second copy of a duplicate.
    pub delay_max: Duration,
}

impl Default for Traffic {
    /// 1,000 GETs over 16 connections at 2,000 a second, VXLAN-wrapped for network 42, with nothing lost.
    fn default() -> Self {
        Self {
            seed: 1,
            exchanges: 1_000,
            mix: Mix::Gets,
            connections: 16,
            exchanges_per_connection: 100,
            start: Timestamp::from_micros(1_795_352_400_000_000),
            interval: Duration::from_micros(500),
            latency: Duration::from_micros(1_500),
            answers: u64::MAX,
            vni: Some(Vni::new(42)),
            impairment: Impairment::default(),
        }
    }
}

impl Traffic {
    /// The address that answers.
    pub const SERVER: &'static str = "10.2.0.10:8080";

    /// What both ends of exchange `number` sent: the truth that a recording is held against.
    #[must_use]
    pub fn exchange(&self, number: u64) -> SentExchange {
        SentExchange::new(self, number)
    }

    /// Every exchange, in the order of their start.
    pub fn truth(&self) -> impl Iterator<Item = SentExchange> + '_ {
        (0..self.exchanges).map(|number| self.exchange(number))
    }

    /// The exchange whose request has this path, for a target that answers as the recorded service did.
    #[must_use]
    pub fn find(&self, path: &str) -> Option<SentExchange> {
        let number = path.split('/').find_map(|part| part.parse().ok())?;
        (number < self.exchanges)
            .then(|| self.exchange(number))
            .filter(|exchange| exchange.path == path)
    }

    /// The frames that the mirror delivers, in the order of their arrival.
    ///
    /// # Panics
    /// If there is no connection, or one connection would get its next request before the answer to the last.
    #[must_use]
    pub fn frames(&self) -> Frames {
        Frames::new(self.clone())
    }

    /// The client's end of the connection that carries exchange `number`.
    #[must_use]
    pub fn client(&self, number: u64) -> SocketAddr {
        let (slot, generation) = self.place(number);
        let host = std::net::Ipv4Addr::from(0x0a01_0000 + (slot as u32 & 0xffff));
        let port = 32_768 + (generation % 28_000) as u16;
        SocketAddr::new(host.into(), port)
    }

    /// When exchange `number` starts.
    #[must_use]
    pub fn start_of(&self, number: u64) -> Timestamp {
        let micros = u64::try_from(self.interval.as_micros()).unwrap_or(u64::MAX);
        let chance = Rng::of(self.seed, START, number).below(micros);
        let offset = micros.saturating_mul(number).saturating_add(chance);
        self.start.saturating_add(Duration::from_micros(offset))
    }

    /// From the last frame of request `number` to the first of its answer.
    pub(crate) fn latency_of(&self, number: u64) -> Duration {
        let micros = u64::try_from(self.latency.as_micros()).unwrap_or(u64::MAX);
        Duration::from_micros(micros / 2 + Rng::of(self.seed, LATENCY, number).below(micros))
    }

    /// The connection slot of exchange `number`, and which of the slot's connections carries it.
    pub(crate) fn place(&self, number: u64) -> (u64, u64) {
        let slot = number % self.connections;
        (
            slot,
            number / self.connections / self.exchanges_per_connection,
        )
    }
}
