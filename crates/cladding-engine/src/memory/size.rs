//! Sizes as people write them: `2GiB`, `512 MB`, `1048576`.

use crate::error::ConfigError;

const ALLOWED: &str = "a number of bytes such as 1048576, \"512MiB\" or \"2GB\" \
                       (units: B, kB, MB, GB, TB in thousands; KiB, MiB, GiB, TiB in 1024s)";

/// Decimals that are looked at; more could not change a whole number of bytes below a terabyte.
const MOST_DECIMALS: usize = 12;

/// Reads a number of bytes.
///
/// Digits, perhaps with decimals (`1.5GiB`), then perhaps a unit in any case: `B`; `kB`, `MB`, `GB`, `TB` are
/// powers of 1000, `KiB`, `MiB`, `GiB`, `TiB` of 1024. Blanks may stand around and between. Parts of a byte
/// are cut off.
///
/// ```
/// use cladding_engine::memory::parse_size;
///
/// assert_eq!(parse_size("2GiB")?, 2 * 1024 * 1024 * 1024);
/// assert_eq!(parse_size("1.5 kb")?, 1_500);
/// assert!(parse_size("2 apples").is_err());
/// # Ok::<(), cladding_engine::error::ConfigError>(())
/// ```
///
/// # Errors
///
/// Anything else, a sign and a size beyond `u64` included. The parameter named is `size`; see
/// [`ConfigError::for_parameter`].
pub fn parse_size(text: &str) -> Result<u64, ConfigError> {
    read(text.trim()).ok_or_else(|| ConfigError::new("size", format!("{text:?}"), ALLOWED))
}

fn read(text: &str) -> Option<u64> {
    let unit_at = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let unit = u128::from(bytes_in(unit.trim_start())?);
    let (whole, decimals) = match number.split_once('.') {
        Some((_, "")) => return None,
        Some((whole, decimals)) => (whole, &decimals[..decimals.len().min(MOST_DECIMALS)]),
        None => (number, ""),
    };
    let digits: u128 = whole.parse().ok()?;
    let parts: u128 = match decimals {
        "" => 0,
        _ => decimals.parse().ok()?,
    };
    let scale = 10_u128.pow(decimals.len() as u32);
    let bytes = digits.checked_mul(unit)?.checked_add(parts * unit / scale)?;
    u64::try_from(bytes).ok()
}

fn bytes_in(unit: &str) -> Option<u64> {
    Some(match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        "tib" => 1 << 40,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::config;
    use proptest::prelude::*;

    #[track_caller]
    fn assert_size(text: &str, bytes: u64) {
        assert_eq!(parse_size(text), Ok(bytes));
    }

    #[test]
    fn reads_what_people_write() {
        assert_size("0", 0);
        assert_size("1048576", 1 << 20);
        assert_size("2GiB", 2 << 30);
        assert_size("2gib", 2 << 30);
        assert_size(" 512 MiB ", 512 << 20);
        assert_size("1KiB", 1_024);
        assert_size("3TiB", 3 << 40);
        assert_size("7b", 7);
        assert_size("7 kB", 7_000);
        assert_size("7KB", 7_000);
        assert_size("7MB", 7_000_000);
        assert_size("7GB", 7_000_000_000);
        assert_size("7TB", 7_000_000_000_000);
        assert_size("1.5GiB", 3 << 29);
        assert_size("0.0009kb", 0);
        assert_size("18446744073709551615", u64::MAX);
    }

    #[test]
    fn refuses_what_is_no_size() {
        for text in [
            "",
            " ",
            "GiB",
            "-1",
            "+1",
            "1.",
            ".5",
            "1..2",
            "1.2.3MB",
            "1e9",
            "2 apples",
            "2G",
            "0x10",
            "1_000",
            "18446744073709551616",
            "99999999TiB",
            "२KiB",
            "1 2",
            "inf",
            "NaN",
        ] {
            let error = parse_size(text).unwrap_err();
            assert_eq!((error.parameter, error.value), ("size", format!("{text:?}")));
        }
    }

    proptest! {
        #![proptest_config(config())]

        #[test]
        fn any_text_is_answered(text: String) {
            let _ = parse_size(&text);
        }

        #[test]
        fn whole_bytes_read_back(bytes: u64) {
            prop_assert_eq!(parse_size(&bytes.to_string()), Ok(bytes));
        }
    }
}
