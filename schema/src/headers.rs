//! Header and trailer fields: wire order, wire case, duplicates kept, one allocation for all the text.

use std::fmt;

use crate::exchange::make_latin1;

/// A list of header or trailer fields in the order and case of the wire.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers {
    /// Every name and value, one after the other.
    text: String,
    /// Where each name and each value ends in `text`.
    ends: Vec<(u32, u32)>,
}

impl Headers {
    /// An empty list with room for `fields` fields of `bytes` bytes in all.
    #[must_use]
    pub fn with_capacity(fields: usize, bytes: usize) -> Self {
        Self {
            text: String::with_capacity(bytes),
            ends: Vec::with_capacity(fields),
        }
    }

    /// Adds a field at the end.
    ///
    /// # Panics
    /// If the list outgrows 4 GiB; heads are bounded far below by the recorder's limits.
    pub fn push(&mut self, name: &str, value: &str) {
        let end =
            |text: &String| u32::try_from(text.len()).expect("a head is bounded far below 4 GiB");
        self.text.push_str(name);
        let name_end = end(&self.text);
        self.text.push_str(value);
        self.ends.push((name_end, end(&self.text)));
    }

    /// The fields, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> + '_ {
        let mut start = 0;
        self.ends.iter().map(move |&(name_end, value_end)| {
            let name = &self.text[start..name_end as usize];
            let value = &self.text[name_end as usize..value_end as usize];
            start = value_end as usize;
            (name, value)
        })
    }

    /// Every name and every value, one after the other and with nothing between: for questions about each of their bytes.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether both lists have the same names in the same order, in any case: then fields of one place are the counterparts
    /// of each other.
    #[must_use]
    pub fn has_names_of(&self, other: &Self) -> bool {
        let mut pairs = self.iter().zip(other.iter());
        self.len() == other.len()
            && pairs.all(|((a, _), (b, _))| a == b || a.eq_ignore_ascii_case(b))
    }

    /// The value of the first field called `name`, in any case (RFC 9110 section 5.1).
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter()
            .find(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// The values of every field called `name`, in any case.
    pub fn get_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> + 'a {
        self.iter()
            .filter(move |(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// Rewrites text that was read as UTF-8 as if it had been read as latin-1.
    pub fn make_latin1(&mut self) {
        if self.text.is_ascii() {
            return;
        }
        let mut latin1 = Self::with_capacity(self.len(), self.text.len() * 2);
        for (name, value) in self.iter() {
            let (mut name, mut value) = (name.to_owned(), value.to_owned());
            make_latin1(&mut name);
            make_latin1(&mut value);
            latin1.push(&name, &value);
        }
        *self = latin1;
    }

    /// How many fields there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no field.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// About how many bytes of memory the list holds.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.text.capacity() + self.ends.capacity() * size_of::<(u32, u32)>()
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Headers {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(fields: I) -> Self {
        let mut headers = Self::default();
        for (name, value) in fields {
            headers.push(name, value);
        }
        headers
    }
}

#[cfg(test)]
mod tests;
