//! Values of conditions as texts: booleans, numbers, dates, networks.

pub(super) fn boolean(text: &str) -> Option<bool> {
    text.to_lowercase().parse().ok()
}

/// Generated numbers are small: floating point holds them exactly.
pub(super) fn number(text: &str) -> Option<f64> {
    text.parse()
        .ok()
        .filter(|_| text.chars().all(|c| c.is_ascii_digit() || "+-.eE".contains(c)) && !text.ends_with('.'))
}

pub(super) fn date(text: &str) -> Option<i128> {
    let day = |date: jiff::civil::Date| {
        Some(
            i128::from(
                date.to_zoned(jiff::tz::TimeZone::UTC)
                    .ok()?
                    .timestamp()
                    .as_second(),
            ) * 1_000_000_000,
        )
    };
    match text.len() {
        4 => day(jiff::civil::Date::new(text.parse().ok()?, 1, 1).ok()?),
        7 => day(format!("{text}-01").parse().ok()?),
        10 if text.contains('-') => day(text.parse().ok()?),
        _ => match text.parse::<i128>() {
            Ok(seconds) => Some(seconds * 1_000_000_000),
            Err(_) => text
                .parse::<jiff::Timestamp>()
                .ok()
                .map(jiff::Timestamp::as_nanosecond),
        },
    }
}

/// Networks as texts of ones and zeros.
pub(super) fn address(wanted: &str, got: &str) -> Option<bool> {
    let bits = |text: &str| match text.parse::<std::net::IpAddr>().ok()? {
        std::net::IpAddr::V4(a) => Some(
            a.octets()
                .iter()
                .fold("4:".to_owned(), |bits, byte| format!("{bits}{byte:08b}")),
        ),
        std::net::IpAddr::V6(a) => Some(
            a.octets()
                .iter()
                .fold("6:".to_owned(), |bits, byte| format!("{bits}{byte:08b}")),
        ),
    };
    let Some(got) = bits(got) else { return Some(false) };
    let (network, length) = wanted
        .split_once('/')
        .map_or((wanted, None), |(network, length)| (network, Some(length)));
    let network = bits(network)?;
    let length = match length {
        Some(length) => length
            .parse::<usize>()
            .ok()
            .filter(|length| *length + 2 <= network.len())?,
        None => network.len() - 2,
    };
    Some(got.starts_with(&network[..length + 2]))
}
