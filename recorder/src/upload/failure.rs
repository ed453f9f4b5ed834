//! Which failures of a store time does not mend, and what to do about them.

use std::error::Error as StdError;
use std::io;

use object_store::Error;

use crate::store::StoreKind;

const CREDENTIALS: &str = "the store refuses the credentials: check AWS_ACCESS_KEY_ID, \
    AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, and that they may list, read and write there";
const NO_BUCKET: &str =
    "the bucket does not exist: create it, or check its name and AWS_ENDPOINT_URL";
const NO_ROLE: &str = "no AWS_ACCESS_KEY_ID is set and this machine has no instance role";
const REFUSED: &str = "the store refuses the request";

/// What to do about a failure that would come again however often it is tried; `None` if trying again may help.
pub(super) fn permanent(error: &Error, kind: StoreKind) -> Option<&'static str> {
    if kind == StoreKind::Local {
        return Some(local(error));
    }
    match error {
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => Some(CREDENTIALS),
        Error::NotFound { .. } => Some(NO_BUCKET),
        Error::NotSupported { .. }
        | Error::NotImplemented { .. }
        | Error::InvalidPath { .. }
        | Error::UnknownConfigurationKey { .. } => Some(REFUSED),
        _ => by_text(error),
    }
}

/// The failure in a few words: what an S3 server says, or the cause of all causes.
pub(super) fn brief(error: &Error) -> String {
    let text = text(error);
    let element = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        rest.split_once(&format!("</{name}>"))
            .map(|(inner, _)| inner)
    };
    match (element("Code"), element("Message")) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        _ => chain(error)
            .last()
            .map(ToString::to_string)
            .unwrap_or_default(),
    }
}

/// A local disk does not change its mind.
fn local(error: &Error) -> &'static str {
    let kind = chain(error)
        .find_map(|cause| cause.downcast_ref::<io::Error>())
        .map(io::Error::kind);
    match kind {
        Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) => {
            "the disk is full: free space and run it again; what is published stays"
        }
        Some(io::ErrorKind::PermissionDenied) => {
            "writing is not permitted there: check the owner and mode of the archive's folder"
        }
        Some(io::ErrorKind::ReadOnlyFilesystem) => "the file system is read-only",
        _ => "the disk cannot be written",
    }
}

/// What the S3 client tells only in its text: the HTTP status, and where credentials were looked for.
fn by_text(error: &Error) -> Option<&'static str> {
    let text = text(error);
    // The address of an instance's metadata service: credentials are asked for there when the environment has none.
    if text.contains("169.254.169.254") || text.contains("latest/api/token") {
        return Some(NO_ROLE);
    }
    if text.contains("without LOCATION") {
        return Some("the bucket is in another region: set AWS_REGION");
    }
    if text.contains("URL scheme is not allowed") {
        return Some("the endpoint is plain HTTP: set AWS_ALLOW_HTTP=true if that is meant");
    }
    let status = text.split("status code: ").nth(1)?.get(..3)?;
    match status.parse::<u16>().ok()? {
        401 | 403 => Some(CREDENTIALS),
        404 => Some(NO_BUCKET),
        408 | 409 | 429 => None,
        400..500 => Some(REFUSED),
        _ => None,
    }
}

fn text(error: &Error) -> String {
    chain(error).map(|cause| format!("{cause}\n")).collect()
}

fn chain<'a>(error: &'a Error) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    let first: &(dyn StdError + 'static) = error;
    std::iter::successors(Some(first), |&cause| cause.source())
}

#[cfg(test)]
mod tests;
