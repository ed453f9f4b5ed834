//! Servers that speak TLS, which a recorder cannot read: where to mirror instead.

use std::net::SocketAddr;

use rustc_hash::FxHashMap;

/// What is known of one server's TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TlsTraffic {
    /// Connections.
    pub connections: u64,
    /// TCP payload in both directions.
    pub bytes: u64,
}

/// TLS by server, for at most [`Limits::tls_servers_max`](crate::Limits::tls_servers_max) servers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsServers {
    servers: FxHashMap<SocketAddr, TlsTraffic>,
    other: TlsTraffic,
}

impl TlsServers {
    /// Counts traffic of a server; that of one too many goes to [`TlsServers::other`].
    pub(crate) fn add(&mut self, server: SocketAddr, traffic: TlsTraffic, servers_max: usize) {
        let full = self.servers.len() >= servers_max;
        let sum = match self.servers.get_mut(&server) {
            Some(sum) => sum,
            None if full => &mut self.other,
            None => self.servers.entry(server).or_default(),
        };
        sum.connections += traffic.connections;
        sum.bytes += traffic.bytes;
    }

    /// Adds what another shard counted.
    pub fn merge(&mut self, other: &Self) {
        for (server, traffic) in &other.servers {
            self.add(*server, *traffic, usize::MAX);
        }
        self.other.connections += other.other.connections;
        self.other.bytes += other.other.bytes;
    }

    /// Every server, that with the most bytes first.
    #[must_use]
    pub fn by_bytes(&self) -> Vec<(SocketAddr, TlsTraffic)> {
        let mut servers: Vec<_> = self.servers.iter().map(|(at, sum)| (*at, *sum)).collect();
        servers.sort_unstable_by_key(|(at, sum)| (std::cmp::Reverse(sum.bytes), *at));
        servers
    }

    /// What more servers than the bound allows had together.
    #[must_use]
    pub fn other(&self) -> TlsTraffic {
        self.other
    }
}
