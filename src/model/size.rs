//! Sizes and numbers as people read them.
//!
//! Used wherever a size is told. Must never be used where a size is computed with.

use super::Quota;

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

/// A number whose thousands can be told apart.
#[must_use]
pub fn grouped(number: u32) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How much room is used: `1.2 of 5 GB used`, `812 MB of 5 GB used`.
#[must_use]
pub fn quota_text(quota: Quota) -> String {
    let (used, used_unit) = in_units(quota.used_kib);
    let (limit, limit_unit) = in_units(quota.limit_kib);
    if used_unit == limit_unit {
        return format!("{used} of {limit} {limit_unit} used");
    }
    format!("{used} {used_unit} of {limit} {limit_unit} used")
}

/// Servers count room in steps of 1024, and so does whoever sells it.
fn in_units(kib: u64) -> (String, &'static str) {
    let (mut tenths, mut unit) = (kib.saturating_mul(10), "KB");
    for next in ["MB", "GB", "TB"] {
        if tenths < 10_000 {
            break;
        }
        (tenths, unit) = (tenths / 1024, next);
    }
    let text = match (tenths / 10, tenths % 10) {
        (whole, 0) => whole.to_string(),
        (whole, _) if whole >= 100 => whole.to_string(),
        (whole, part) => format!("{whole}.{part}"),
    };
    (text, unit)
}

#[cfg(test)]
mod tests {
    use super::{Quota, quota_text, size_text};

    #[test]
    fn room_is_told_as_it_was_bought() {
        let gib = 1024 * 1024;
        for (used_kib, limit_kib, text) in [
            (gib * 12 / 10, 5 * gib, "1.1 of 5 GB used"),
            (812 * 1024 + 600, 5 * gib, "812 MB of 5 GB used"),
            (0, 1024, "0 KB of 1 MB used"),
            (15 * gib + gib / 2, 15 * gib, "15.5 of 15 GB used"),
        ] {
            let quota = Quota {
                used_kib,
                limit_kib,
            };
            assert_eq!(quota_text(quota), text);
        }
    }

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
