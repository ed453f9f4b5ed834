//! Words of a shell, and the functions that a script needs.

use std::fmt::Write as _;

/// A word that the shell takes as it is.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Bytes as the format of `printf`, between single quotes; `%s` is left to the caller.
pub(super) fn format_of(bytes: &[u8]) -> String {
    let text = std::str::from_utf8(bytes).is_ok();
    let mut format = String::with_capacity(bytes.len() + 16);
    let mut plain = Vec::new();
    let flush = |plain: &mut Vec<u8>, format: &mut String| {
        format.push_str(&String::from_utf8_lossy(plain));
        plain.clear();
    };
    for &byte in bytes {
        match byte {
            b'%' => plain.extend(b"%%"),
            b'\\' => plain.extend(br"\\"),
            b'\'' => plain.extend(br"'\''"),
            b'\r' => plain.extend(br"\r"),
            b'\n' | b' '..=b'~' => plain.push(byte),
            0x80.. if text => plain.push(byte),
            _ => {
                flush(&mut plain, &mut format);
                let _ = write!(format, "\\{byte:03o}");
            }
        }
    }
    flush(&mut plain, &mut format);
    format
}

/// The functions that `body` calls, each once, those that others call first.
pub(super) fn functions(body: &str) -> String {
    let mut needed = [false; FUNCTIONS.len()];
    for (index, function) in FUNCTIONS.iter().enumerate() {
        needed[index] = calls(body, function.name);
    }
    // Whoever is called by one that is needed stands before it.
    for caller in (0..FUNCTIONS.len()).rev() {
        for callee in 0..caller {
            needed[callee] |=
                needed[caller] && calls(FUNCTIONS[caller].text, FUNCTIONS[callee].name);
        }
    }
    let mut text = String::new();
    for (function, _) in FUNCTIONS.iter().zip(needed).filter(|(_, needed)| *needed) {
        text.push('\n');
        text.push_str(function.text);
    }
    text
}

/// Whether a line has the name where a command may stand.
fn calls(text: &str, name: &str) -> bool {
    text.match_indices(name).any(|(at, _)| {
        let before = text[..at].bytes().next_back();
        let behind = text[at + name.len()..].bytes().next();
        matches!(before, None | Some(b'\n' | b' ' | b'('))
            && matches!(behind, None | Some(b'\n' | b' ' | b')'))
    })
}

struct Function {
    name: &'static str,
    text: &'static str,
}

const FUNCTIONS: [Function; 13] = [
    Function {
        name: "ask",
        text: r#"# ask NUMBER STATUS CURL-ARGUMENTS: one request; STATUS is what that run got. The answer is in $status, head and body.
ask() {
  number=$1 before=$2
  shift 2
  : > "$work/head"
  : > "$work/body"
  status=$(curl -q -sS --globoff --path-as-is --max-time 60 -D "$work/head" -o "$work/body" -w '%{http_code}' "$@") && ended=0 || ended=$?
  case $ended in
    0) ;;
    18 | 28 | 52 | 55 | 56 | 92) status=000 ;; # no answer, or not all of one
    *)
      echo "cannot be told: request $number could not be sent (curl's exit code $ended): is there a service at $TARGET?"
      exit 2
      ;;
  esac
  [ "$1" != --head ] || : > "$work/body"
  if [ "$status" = "$before" ]; then note=; else note=", and $before in that run"; fi
  printf 'answer %s: %s%s\n' "$number" "$status" "$note"
}
"#,
    },
    Function {
        name: "fields",
        text: r#"# fields NAME: the values of this field of the last answer; NAME in lower case.
fields() {
  NAME=$1 awk '{ sub(/\r$/, "") }
    index(tolower($0), ENVIRON["NAME"] ":") == 1 { sub(/^[^:]*:[ \t]*/, ""); print }' "$work/head"
}
"#,
    },
    Function {
        name: "cookie",
        text: r#"# cookie NAME: the value that the last answer gives this cookie.
cookie() {
  fields set-cookie | NAME=$1 awk 'index($0, ENVIRON["NAME"] "=") == 1 {
      value = substr($0, length(ENVIRON["NAME"]) + 2)
      sub(/[ \t]*;.*/, "", value); gsub(/^"|"$/, "", value)
    }
    END { print value }'
}
"#,
    },
    Function {
        name: "after",
        text: r#"# after TEXT END N: what follows TEXT where it comes up the Nth time, up to END or the end of its line.
after() {
  TEXT=$1 END=$2 N=$3 awk '{ rest = $0
      while (!done && (at = index(rest, ENVIRON["TEXT"])) > 0) {
        rest = substr(rest, at + length(ENVIRON["TEXT"]))
        if (++seen == ENVIRON["N"]) {
          at = ENVIRON["END"] == "" ? 0 : index(rest, ENVIRON["END"])
          print (at > 0 ? substr(rest, 1, at - 1) : rest)
          done = 1
        }
      }
    }'
}
"#,
    },
    Function {
        name: "json_lines",
        text: r#"# json_lines: JSON on standard input as lines such as $.items[2].price = 10.50
json_lines() {
  awk 'BEGIN { RS = "\001"; path[0] = "$" }
    function put(value) { print path[depth] " = " value; empty[depth] = 0 }
    { text = $0; size = length(text)
      for (at = 1; at <= size; at++) {
        sign = substr(text, at, 1)
        if (sign == "{" || sign == "[") {
          empty[depth] = 0
          depth++; kind[depth] = sign; empty[depth] = 1; count[depth] = 0
          path[depth] = path[depth - 1] (sign == "[" ? "[0]" : "")
        } else if (sign == "}" || sign == "]") {
          if (depth == 0) continue
          if (empty[depth]) { depth--; put(kind[depth + 1] sign) } else depth--
        } else if (sign == ",") {
          if (kind[depth] == "[") path[depth] = path[depth - 1] "[" ++count[depth] "]"
        } else if (sign == "\"") {
          for (end = at + 1; end <= size; end++) {
            sign = substr(text, end, 1)
            if (sign == "\\") end++
            else if (sign == "\"") break
          }
          word = substr(text, at, end - at + 1); at = end
          for (next_at = at + 1; next_at <= size && index(" \t\r\n", substr(text, next_at, 1)) > 0; next_at++);
          if (depth > 0 && kind[depth] == "{" && substr(text, next_at, 1) == ":") {
            word = substr(word, 2, length(word) - 2)
            path[depth] = path[depth - 1] (word ~ /^[A-Za-z_][A-Za-z0-9_]*$/ ? "." word : "[\047" word "\047]")
            empty[depth] = 0; at = next_at
          } else put(word)
        } else if (index(" \t\r\n:", sign) == 0) {
          for (end = at + 1; end <= size && index(" \t\r\n,]}", substr(text, end, 1)) == 0; end++);
          put(substr(text, at, end - at)); at = end - 1
        }
      }
    }'
}
"#,
    },
    Function {
        name: "json",
        text: r#"# json PATH: the value at this place of the last answer.
json() {
  json_lines < "$work/body" | PLACE="$1 = " awk 'index($0, ENVIRON["PLACE"]) == 1 && !done {
      value = substr($0, length(ENVIRON["PLACE"]) + 1); done = 1
      if (value ~ /^"/) {
        value = substr(value, 2, length(value) - 2)
        gsub(/\\u003[dD]/, "=", value); gsub(/\\u0026/, "\\&", value); gsub(/\\u002[bB]/, "+", value); gsub(/\\u002[fF]/, "/", value)
        gsub(/\\\//, "/", value); gsub(/\\"/, "\"", value); gsub(/\\\\/, "\\", value)
      }
      print value
    }'
}
"#,
    },
    Function {
        name: "text_lines",
        text: r#"# text_lines: text on standard input by lines, markup by elements.
text_lines() {
  tr -d '\r' | tr '<>&' '\n\n\n' | sed 's/^[[:blank:]]*//; s/[[:blank:]]*$//; /^$/d'
}
"#,
    },
    Function {
        name: "encoded",
        text: r#"# encoded VALUE: percent-encoded.
encoded() {
  printf '%s\n' "$1" | awk 'BEGIN { for (code = 32; code < 127; code++) number[sprintf("%c", code)] = code }
    { for (at = 1; at <= length($0); at++) {
        sign = substr($0, at, 1)
        if (sign ~ /[A-Za-z0-9._~-]/) printf "%s", sign; else printf "%%%02X", number[sign]
      } }'
}
"#,
    },
    Function {
        name: "lost",
        text: r#"# lost WHAT: an answer lacks what later requests need.
lost() {
  printf 'answer %s has no %s: what that run sent goes out in its place\n' "$number" "$1" >&2
}
"#,
    },
    Function {
        name: "compare_by",
        text: r#"# compare_by SED BASELINE CANDIDATE: looks at the lines of the last answer in this form; an answer of another status is not
# like that build's.
compare_by() {
  sed -e "$1" "$work/lines" > "$work/seen"
  like_baseline=yes like_candidate=yes
  [ "$status" = "$2" ] || like_baseline=no
  [ "$status" = "$3" ] || like_candidate=no
}
"#,
    },
    Function {
        name: "tell",
        text: r#"# tell RECORDED BASELINE CANDIDATE LINE: how often each of these answers has the line.
tell() {
  count=$(grep -cFx -e "$4" "$work/seen") || :
  [ "$count" = "$2" ] || like_baseline=no
  [ "$count" = "$3" ] || like_candidate=no
  printf '%9s %9s %9s %9s  %s\n' "$1" "$2" "$3" "$count" "$4"
}
"#,
    },
    Function {
        name: "decide",
        text: r#"# decide: whose answer it is, if these lines tell.
decide() {
  if [ -z "$found" ] && [ $like_baseline != $like_candidate ]; then
    if [ $like_candidate = yes ]; then found=candidate; else found=baseline; fi
  fi
}
"#,
    },
    Function {
        name: "conclude",
        text: r#"# conclude: says it.
conclude() {
  case $found in
    candidate) echo 'reproduced: the answer is changed as it was in that run'; exit 1 ;;
    baseline) echo "did not reproduce: the answer is the baseline's"; exit 0 ;;
    *) echo "did not reproduce, and cannot be told: the answer is neither the baseline's nor the candidate's"; exit 2 ;;
  esac
}
"#,
    },
];
