//! Points in time: the W3C profile of ISO 8601, or seconds since 1970.
//!
//! Source: IAM User Guide, date condition operators,
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_Date>.

/// Seconds and nanoseconds since 1970, UTC.
pub(crate) type Instant = (i64, u32);

/// Reads `YYYY`, `YYYY-MM`, `YYYY-MM-DD`, with a time `Thh:mm`, `Thh:mm:ss` or `Thh:mm:ss.s` and then a zone (`Z`
/// or `+hh:mm`); or an integer that does not look like a year as seconds since 1970.
pub(crate) fn parse(text: &str) -> Option<Instant> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) && text.len() != 4 {
        return Some((text.parse().ok()?, 0));
    }
    let (date, time) = match text.split_once('T') {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let mut fields = date.split('-');
    let year = number(fields.next()?, 4)?;
    let month = fields.next().map_or(Some(1), |field| number(field, 2))?;
    let day = fields.next().map_or(Some(1), |field| number(field, 2))?;
    let complete = date.len() == 10;
    if fields.next().is_some() || !(1..=12).contains(&month) || !(1..=days_in(year, month)).contains(&day) {
        return None;
    }
    let midnight = days_since_1970(year, month, day) * 86_400;
    match time {
        None => Some((midnight, 0)),
        Some(time) if complete => {
            let (seconds, nanoseconds) = time_of_day(time)?;
            Some((midnight + seconds, nanoseconds))
        }
        Some(_) => None,
    }
}

/// A field of exactly `width` digits.
fn number(text: &str, width: usize) -> Option<i64> {
    (text.len() == width && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

/// Seconds from midnight UTC: negative or beyond a day where the zone says so.
fn time_of_day(text: &str) -> Option<Instant> {
    let (clock, zone) = if let Some(clock) = text.strip_suffix('Z') {
        (clock, 0)
    } else {
        let (clock, zone) = text.split_at_checked(text.rfind(['+', '-'])?)?;
        let (hours, minutes) = zone.get(1..)?.split_once(':')?;
        let (hours, minutes) = (number(hours, 2)?, number(minutes, 2)?);
        if hours > 23 || minutes > 59 {
            return None;
        }
        let offset = hours * 3_600 + minutes * 60;
        (clock, if zone.starts_with('-') { -offset } else { offset })
    };
    let mut fields = clock.split(':');
    let hour = number(fields.next()?, 2)?;
    let minute = number(fields.next()?, 2)?;
    let (second, nanoseconds) = match fields.next() {
        None => (0, 0),
        Some(second) => match second.split_once('.') {
            None => (number(second, 2)?, 0),
            Some((second, fraction)) => (number(second, 2)?, nanoseconds(fraction)?),
        },
    };
    if fields.next().is_some() || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    Some((hour * 3_600 + minute * 60 + second - zone, nanoseconds))
}

/// A decimal fraction of a second; digits beyond the ninth are cut.
fn nanoseconds(fraction: &str) -> Option<u32> {
    if fraction.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let digits = fraction.bytes().chain(std::iter::repeat(b'0')).take(9);
    Some(digits.fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0')))
}

fn is_leap(year: i64) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a date of the proleptic Gregorian calendar, counted in years that begin in March so
/// that the leap day comes last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + (month * 153 + 2) / 5 + day - 1 - 719_468
}

/// A time in seconds since 1970 as `YYYY-MM-DDThh:mm:ssZ`, which is how `aws:CurrentTime` is written.
pub(crate) fn format(seconds: i64) -> String {
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Years of 400-year cycles that begin in March, as in `days_since_1970`.
    let day = days + 719_468;
    let (cycle, day) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    format!(
        "{:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z",
        year + cycle * 400 + carry,
        second / 3_600,
        second / 60 % 60,
        second % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn what_is_formatted_reads_back(seconds in -62_167_219_200_i64..=253_402_300_799) {
            assert_eq!(parse(&format(seconds)), Some((seconds, 0)), "{}", format(seconds));
        }
    }

    #[test]
    fn reads_the_w3c_forms_and_seconds() {
        for (text, expected) in [
            ("1970", (0, 0)),
            ("1970-01-02", (86_400, 0)),
            ("2000-03", (951_868_800, 0)),
            ("2024-02-29T12:00Z", (1_709_208_000, 0)),
            ("2024-02-29T12:00:01Z", (1_709_208_001, 0)),
            ("2024-02-29T12:00:01.25Z", (1_709_208_001, 250_000_000)),
            ("2024-02-29T14:00:01+02:00", (1_709_208_001, 0)),
            ("2024-02-28T23:00:00-13:00", (1_709_208_000, 0)),
            ("1969-12-31T23:59:59Z", (-1, 0)),
            ("0000-01-01", (-62_167_219_200, 0)),
            ("9999-12-31T23:59:59Z", (253_402_300_799, 0)),
            ("1709208001", (1_709_208_001, 0)),
            ("-5", (-5, 0)),
            ("0", (0, 0)),
        ] {
            assert_eq!(parse(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn every_day_of_four_centuries_follows_the_one_before() {
        let mut expected = days_since_1970(1900, 1, 1);
        for year in 1900..2300 {
            for month in 1..=12 {
                for day in 1..=days_in(year, month) {
                    assert_eq!(days_since_1970(year, month, day), expected);
                    expected += 1;
                }
            }
        }
    }

    #[test]
    fn other_texts_are_no_dates() {
        for text in [
            "",
            "-",
            "2023-02-29",
            "2024-13",
            "2024-1-1",
            "2024-01-01T00:00",
            "2024-01T00:00Z",
            "2024-01-01T24:00Z",
            "2024-01-01T00:00:00.Z",
            "2024-01-01T00:00:00+2:00",
            "2024-01-01 00:00Z",
            "x",
            "2024-01-01T00:00:00:00Z",
            "99999999999999999999",
            "2024-01-01T00:00+24:00",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
