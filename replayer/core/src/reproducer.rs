//! A finding as a shell script: the requests of its session, sent once more, and whether the last answer is changed again.
//!
//! Requests are those that the candidate's run sent. A recorded token is none that another server issued, so what an answer
//! gives (cookies, tokens, ids) is taken out of it and put into later requests, as the run did with its own target's answers.
//!
//! * `search`: what the requests of one connection lack, in those of others. `lacks`: which values those are.
//! * `carry`: which values those are, where an answer has them and where requests do. `places`: where a value is whole.
//! * `issued`: what an answer gives. `runs`: what a text has of a value, however it is escaped.
//! * `needed`: which requests of the session it takes.
//! * `curl`: a request as a command. `shell`: words that a shell takes as they are, and the functions that a script needs.
//! * `lines`: an answer as lines, made alike here and by the script. `signs`: the lines that tell two builds' answers apart.
//!
//! A script needs a POSIX shell, curl, and awk, sed, grep, tr, cksum. Its exit codes are those of the commands: 0 the answer is
//! the baseline's, 1 it is changed, 2 it cannot be told.

mod carry;
mod curl;
mod issued;
mod lacks;
mod limits;
mod lines;
mod needed;
mod places;
mod runs;
mod search;
mod shell;
mod signs;

use std::fmt::Write as _;

use schema::comparison::FindingGroup;
use schema::{Exchange, ExchangeId, Outcome, Protocol};

use carry::{Carried, Step, foreign};
use signs::Signs;

pub use limits::ReproducerLimits;
pub use search::{Completed, Search, SearchStep};

/// One request of a session, as it was recorded and as both runs replayed it.
#[derive(Clone, Debug)]
pub struct Link {
    /// As it was recorded.
    pub recorded: Exchange,
    /// In the baseline's run; `None` if the recording is the baseline, or the run lacks it.
    pub baseline: Option<Exchange>,
    /// In the candidate's run.
    pub candidate: Option<Exchange>,
}

/// What is known of the runs beside their exchanges.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// Name of the baseline's run; `None` if it is the recording.
    pub baseline: Option<String>,
    /// Name of the candidate's run.
    pub candidate: String,
    /// Path of its target's URL, without a slash at the end.
    pub path_prefix: String,
    /// Whether Host was the target's own name.
    pub host_of_target: bool,
    /// Whether any certificate was taken.
    pub insecure: bool,
    /// The environment variable that `Authorization` came from.
    pub authorization_env: Option<String>,
    /// How the target proved that it is a test environment.
    pub proofs: Vec<String>,
    /// The redaction that the recording went through.
    pub redaction: Option<String>,
}

/// A script, and what it sends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reproducer {
    /// The requests, in order; the last one is answered otherwise.
    pub exchanges: Vec<ExchangeId>,
    /// The script; empty where it would be too long.
    pub script: String,
    /// What it lacks, in sentences.
    pub lacks: Vec<String>,
}

/// The script that reproduces `group` with those requests of a chain that it takes; the last one of them differs.
#[must_use]
pub fn reproducer(
    group: &FindingGroup,
    chain: Completed,
    about: &About,
    limits: &ReproducerLimits,
) -> Reproducer {
    let Completed { links, mut lacks } = chain;
    let sent = links.iter().enumerate().filter(|(number, link)| {
        // Of what the candidate's run did not send nothing came.
        number + 1 == links.len() || link.is_sent()
    });
    let sent: Vec<&Link> = sent.map(|(_, link)| link).collect();
    let steps: Vec<Step<'_>> = sent.iter().map(|link| link.step(about)).collect();
    let carried = carry::carried(&steps);
    let needed = needed::needed(&steps, &carried);
    let carried = carry::among(carried, &steps, &needed);
    let kept = sent.iter().zip(needed).filter(|(_, needed)| *needed);
    let kept: Vec<&Link> = kept.map(|(link, _)| *link).collect();
    let Some(last) = kept.last() else {
        return Reproducer::default();
    };
    let steps: Vec<Step<'_>> = kept.iter().map(|link| link.step(about)).collect();
    let body = body(group, last, &kept, &carried, about);
    lacks.extend(gaps(&links));
    let foreign = foreign(&steps, &carried);
    if !foreign.is_empty() {
        lacks.push(format!(
            "No answer in here gives {}: what that run sent is sent again, and may be refused.",
            foreign.join(", ")
        ));
    }
    let mut script = head(group, about);
    script.push_str(&notes(links.len() - kept.len(), &lacks, about));
    script.push_str(&preamble(&steps, &body, about));
    script.push_str(&shell::functions(&body));
    script.push_str(&body);
    if script.len() > limits.script_bytes_max {
        script.clear();
        lacks.push(format!(
            "The script is left out: it is longer than {} bytes.",
            limits.script_bytes_max
        ));
    }
    Reproducer {
        exchanges: kept.iter().map(|link| link.recorded.id()).collect(),
        script,
        lacks,
    }
}

/// The requests one after the other, and what the last answer says.
fn body(
    group: &FindingGroup,
    last: &Link,
    kept: &[&Link],
    carried: &[Carried],
    about: &About,
) -> String {
    let mut body = String::new();
    for (number, link) in kept.iter().enumerate() {
        let (id, of) = (link.recorded.id(), kept.len());
        // Writing to a string cannot fail.
        let _ = write!(body, "\n# {} of {of}, --exchange {id}\n", number + 1);
        curl::command(&mut body, number, &link.step(about), carried, about);
        for value in carried.iter().filter(|value| value.from == number) {
            body.push_str(&value.taken());
        }
    }
    body.push_str(&Signs::of(group, last).written(last, about));
    body
}

impl Link {
    /// As the candidate's run sent it; as it was recorded if that run lacks it.
    fn sent(&self) -> &Exchange {
        self.candidate.as_ref().unwrap_or(&self.recorded)
    }

    fn step<'a>(&'a self, about: &'a About) -> Step<'a> {
        let sent = self.sent();
        Step {
            sent: sent.request.as_ref(),
            recorded: self.recorded.request.as_ref(),
            answer: sent.response.as_ref(),
            protocol: sent.protocol,
            charset: sent.charset,
            path_prefix: if self.candidate.is_some() {
                &about.path_prefix
            } else {
                ""
            },
        }
    }

    /// Whether the candidate's run did send it, as far as is known.
    fn is_sent(&self) -> bool {
        let replay = self.candidate.as_ref().and_then(|of| of.replay.as_ref());
        replay.is_none_or(|replay| replay.outcome != Outcome::Skipped)
    }
}

/// What the script is, as comments.
fn head(group: &FindingGroup, about: &About) -> String {
    let plain = |text: &str| text.replace(char::is_control, " ");
    let baseline = about.baseline.as_deref().map_or_else(
        || "the recording".to_owned(),
        |name| format!("the run {}", plain(name)),
    );
    format!(
        "#!/bin/sh\n\
         # {}: {} {}, {}. Group {}.\n\
         # Sends what the run {} sent of this session, and says whether the last answer differs from that of\n\
         # {baseline} as it did in that run. Usage:\n\
         #     TARGET=http://host:port sh this-file\n\
         # Exit code: 0 did not reproduce (the answer is the baseline's), 1 reproduced, 2 it cannot be told.\n\
         # It does what the recorded user did, orders and deletes included: TARGET has to be a test environment.\n",
        plain(&group.endpoint),
        group.part,
        plain(&group.location),
        plain(&group.cause),
        group.group,
        plain(&about.candidate),
    )
}

/// What a reader has to know before he believes the script, as comments.
fn notes(left_out: usize, lacks: &[String], about: &About) -> String {
    let mut notes = Vec::new();
    if !about.proofs.is_empty() {
        notes.push(format!(
            "That run had it proved: {}.",
            about.proofs.join(", ")
        ));
    }
    if let Some(redaction) = &about.redaction {
        notes.push(format!("The recording was redacted ({redaction})."));
        notes.push("Where a request has a pseudonym or a mask in place of what the target has to know, such as a".to_owned());
        notes.push("password, it will be refused, and nothing can be reproduced.".to_owned());
    }
    if left_out > 0 {
        notes.push(format!(
            "{left_out} requests before it only read and gave nothing, were other users', or were not sent: left out."
        ));
    }
    let lines = notes
        .iter()
        .chain(lacks)
        .map(|note| format!("# {}\n", note.replace(char::is_control, " ")));
    lines.collect()
}

/// Whether requests of the last one's connection are missing.
fn gaps(chain: &[Link]) -> Option<String> {
    let last = &chain.last()?.recorded;
    let of_connection = chain.iter().map(|link| &link.recorded);
    let of_connection = of_connection.filter(|link| link.connection.id == last.connection.id);
    let indices: Vec<u32> = of_connection.map(|link| link.index).collect();
    let is_gap = indices.windows(2).any(|pair| pair[0] + 1 < pair[1]);
    (is_gap || indices[0] > 0).then(|| {
        "The connection had more requests, which the filters left out or which are too many."
            .to_owned()
    })
}

/// What comes before the first request.
fn preamble(steps: &[Step<'_>], body: &str, about: &About) -> String {
    let mut text = String::from(
        "set -eu\nLC_ALL=C\nexport LC_ALL\n: \"${TARGET:?set it to the URL of the build to ask}\"\n",
    );
    if let Some(name) = &about.authorization_env {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            ": \"${{{name}:?it holds what is sent as Authorization}}\""
        );
    }
    text.push_str("TARGET=${TARGET%/}\nwork=$(mktemp -d)\ntrap 'rm -rf \"$work\"' EXIT\n");
    if body.contains("\"$prefix\"") {
        text.push_str(
            "prefix=${TARGET#*://}\ncase $prefix in */*) prefix=/${prefix#*/} ;; *) prefix= ;; esac\n",
        );
    }
    if steps.iter().any(|step| step.protocol == Protocol::Http2) {
        text.push_str(
            "case $TARGET in https:*) http2=--http2 ;; *) http2=--http2-prior-knowledge ;; esac\n",
        );
    }
    text
}
