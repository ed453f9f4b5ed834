//! Form bodies (`application/x-www-form-urlencoded`, URL standard section 5) by their names.
//!
//! The order of different names and how characters are escaped say nothing; values of one name keep their order.

use super::json::Json;
use super::members::Members;

/// Reads a form; `None` if a name or a value is no UTF-8: two such could be different and look alike.
pub(super) fn parse(bytes: &[u8]) -> Option<Json<'static>> {
    let mut members = Members::default();
    for (name, value) in form_urlencoded::parse(bytes) {
        if name.contains('\u{fffd}') || value.contains('\u{fffd}') {
            return None;
        }
        members.add(name.into_owned(), Json::String(value.into_owned().into()));
    }
    Some(members.into_object())
}
