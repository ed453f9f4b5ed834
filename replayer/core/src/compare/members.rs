//! The members of an object that is made of something else than JSON, where one name may have several values.

use std::borrow::Cow;

use rustc_hash::FxHashMap;

use super::json::Json;

/// A member of an object.
pub(super) type Member<'a> = (Cow<'a, str>, Json<'a>);

/// Members in the order of their first values; several values of one name are an array.
#[derive(Debug, Default)]
pub(super) struct Members {
    members: Vec<Member<'static>>,
    places: FxHashMap<String, usize>,
}

impl Members {
    pub(super) fn add(&mut self, name: String, value: Json<'static>) {
        let Some(&place) = self.places.get(&name) else {
            self.places.insert(name.clone(), self.members.len());
            return self.members.push((name.into(), value));
        };
        match &mut self.members[place].1 {
            Json::Array(values) => values.push(value),
            first => {
                let one = std::mem::replace(first, Json::Null);
                *first = Json::Array(vec![one, value]);
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub(super) fn into_object(self) -> Json<'static> {
        Json::Object(self.members)
    }
}
