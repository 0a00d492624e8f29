//! Sizes in bytes as people read them.
//!
//! Used by actions and by `ui`. Must never be used where a size is computed with.

/// `512`, `1.4 K`, `120 K`, `3.2 M`: at most six columns.
#[must_use]
pub fn size_text(bytes: u64) -> String {
    const UNITS: [char; 5] = ['K', 'M', 'G', 'T', 'P'];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut tenths = bytes / 100;
    for unit in UNITS {
        if tenths < 100 {
            return format!("{}.{} {unit}", tenths / 10, tenths % 10);
        }
        if tenths < 10_000 {
            return format!("{} {unit}", tenths / 10);
        }
        tenths /= 1000;
    }
    format!("{tenths} E")
}

#[cfg(test)]
mod tests {
    use super::size_text;

    #[test]
    fn sizes_are_short_and_never_jump_in_length() {
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 K"),
            (9_999, "9.9 K"),
            (120_400, "120 K"),
            (999_999, "999 K"),
            (1_000_000, "1.0 M"),
            (25_600_000_000, "25 G"),
        ] {
            assert_eq!(size_text(bytes), text);
        }
    }
}
