//! Which failures of a store time does not mend, and what to do about them.

use std::error::Error as StdError;
use std::io;

use object_store::Error;

use crate::store::StoreKind;

/// What to do about a failure that would come again however often it is tried; `None` if trying again may help.
pub(super) fn permanent(error: &Error, kind: StoreKind) -> Option<&'static str> {
    if kind == StoreKind::Local {
        return Some(local(error));
    }
    match error {
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => Some(
            "the store refuses the credentials: check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and \
             AWS_SESSION_TOKEN, and that they may list, read and write there",
        ),
        Error::NotFound { .. } => {
            Some("the bucket does not exist: create it, or check its name and AWS_ENDPOINT_URL")
        }
        Error::NotSupported { .. }
        | Error::NotImplemented { .. }
        | Error::InvalidPath { .. }
        | Error::UnknownConfigurationKey { .. } => Some("the store does not know the operation"),
        _ => by_text(error),
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
    let text: String = chain(error).map(|cause| format!("{cause}\n")).collect();
    // The address of an instance's metadata service: credentials are asked for there when the environment has none.
    if text.contains("169.254.169.254") || text.contains("latest/api/token") {
        return Some(
            "no AWS_ACCESS_KEY_ID is set and this machine has no instance role to take credentials from",
        );
    }
    if text.contains("without LOCATION") {
        return Some("the bucket is in another region: set AWS_REGION");
    }
    if text.contains("URL scheme is not allowed") {
        return Some("the endpoint is plain HTTP: set AWS_ALLOW_HTTP=true if that is meant");
    }
    let status = text.split("status code: ").nth(1)?.get(..3)?;
    let status: u16 = status.parse().ok()?;
    let refused = (400..500).contains(&status) && !matches!(status, 408 | 409 | 429);
    refused.then_some("the store refuses the request")
}

fn chain<'a>(error: &'a Error) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    let first: &(dyn StdError + 'static) = error;
    std::iter::successors(Some(first), |&cause| cause.source())
}

#[cfg(test)]
mod tests;
