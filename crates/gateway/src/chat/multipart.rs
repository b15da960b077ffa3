//! The file in a form that a browser sends (RFC 7578).

/// A file in a form.
#[derive(Debug, PartialEq, Eq)]
pub struct File<'b> {
    pub name: String,
    pub bytes: &'b [u8],
}

/// What separates the parts of a form. `None`: the content type is of no form.
pub fn boundary(content_type: &str) -> Option<String> {
    let mut parameters = content_type.split(';');
    if !parameters
        .next()?
        .trim()
        .eq_ignore_ascii_case("multipart/form-data")
    {
        return None;
    }
    let boundary = parameters.find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("boundary")
            .then(|| value.trim().trim_matches('"').to_owned())
    })?;
    (1..=70).contains(&boundary.len()).then_some(boundary)
}

/// The first part that is a file.
pub fn file<'b>(body: &'b [u8], boundary: &str) -> Option<File<'b>> {
    let delimiter = format!("\r\n--{boundary}");
    // The first delimiter may stand at the very beginning.
    let first = delimiter.trim_start_matches("\r\n");
    let mut rest = if body.starts_with(first.as_bytes()) {
        &body[first.len()..]
    } else {
        let at = find(body, delimiter.as_bytes())?;
        &body[at + delimiter.len()..]
    };
    loop {
        // Two hyphens end the form.
        let part = rest.strip_prefix(b"\r\n")?;
        let end = find(part, delimiter.as_bytes())?;
        if let Some(file) = as_file(&part[..end]) {
            return Some(file);
        }
        rest = &part[end + delimiter.len()..];
    }
}

fn as_file(part: &[u8]) -> Option<File<'_>> {
    let end = find(part, b"\r\n\r\n")?;
    let head = std::str::from_utf8(&part[..end]).ok()?;
    let disposition = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim()
            .eq_ignore_ascii_case("content-disposition")
            .then_some(value)
    })?;
    Some(File {
        name: quoted(disposition, "filename=\"")?,
        bytes: &part[end + 4..],
    })
}

/// A parameter's quoted value. Browsers escape a quotation mark as %22, others with a backslash.
fn quoted(disposition: &str, name: &str) -> Option<String> {
    let at = disposition.find(name)?;
    let mut value = String::new();
    let mut chars = disposition[at + name.len()..].chars();
    loop {
        match chars.next()? {
            '"' => return Some(value.replace("%22", "\"").replace("%0D", "").replace("%0A", "")),
            '\\' => value.push(chars.next()?),
            c => value.push(c),
        }
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let first = *needle.first()?;
    let mut from = 0;
    while let Some(at) = haystack[from..].iter().position(|byte| *byte == first) {
        let at = from + at;
        if haystack[at..].starts_with(needle) {
            return Some(at);
        }
        from = at + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: &[u8] = b"--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nnothing\r\n--x\r\n\
        content-disposition: form-data; name=\"file\"; filename=\"Gr\xc3\xbc\xc3\x9fe %22a%22.png\"\r\n\
        Content-Type: image/png\r\n\r\n\x89PNG\r\n--\r\n--xy\r\n\x00\r\n--x--\r\n";

    #[test]
    fn the_file_in_a_form_is_found_to_the_letter() {
        let boundary = boundary("multipart/form-data; charset=utf-8; boundary=\"x\"").unwrap();

        // `--xy` begins like a delimiter; RFC 2046 forbids it in a part, and nothing of it is executed.
        let file = file(FORM, &boundary).unwrap();

        assert_eq!(file.name, "Grüße \"a\".png");
        assert_eq!(file.bytes, b"\x89PNG\r\n--");
    }

    #[test]
    fn what_is_no_form_with_a_file_is_none() {
        assert_eq!(boundary("application/json"), None);
        assert_eq!(boundary("multipart/form-data"), None);
        assert_eq!(
            boundary(&format!("multipart/form-data; boundary={}", "x".repeat(71))),
            None
        );
        for cut in 0..FORM.len() {
            let _ = file(&FORM[..cut], "x");
        }
        assert_eq!(file(b"", "x"), None);
        assert_eq!(file(b"--x--\r\n", "x"), None);
        assert_eq!(
            file(
                b"--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nv\r\n--x--",
                "x"
            ),
            None
        );
    }
}
