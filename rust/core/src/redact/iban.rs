//! International bank account numbers.

/// Length by country, from the SWIFT registry.
const LENGTHS: &str = "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 \
    EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 \
    LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 \
    RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30";

/// The end of the number whose country code is at `start`.
pub(super) fn iban(bytes: &[u8], start: usize) -> Option<usize> {
    let country = bytes.get(start..start + 2)?.to_ascii_uppercase();
    let entry = LENGTHS
        .as_bytes()
        .chunks(5)
        .find(|entry| entry[..2] == country[..])?;
    let length = usize::from(entry[2] - b'0') * 10 + usize::from(entry[3] - b'0');
    let (mut at, mut signs) = (start, Vec::with_capacity(length));
    while signs.len() < length {
        let byte = *bytes.get(at)?;
        if byte.is_ascii_alphanumeric() {
            signs.push(byte.to_ascii_uppercase());
        } else if !matches!(byte, b' ' | b'-') || matches!(bytes[at - 1], b' ' | b'-') {
            return None;
        }
        at += 1;
    }
    signs.rotate_left(4);
    let remainder = signs.iter().fold(0u32, |rest, &sign| match sign {
        b'0'..=b'9' => (rest * 10 + u32::from(sign - b'0')) % 97,
        _ => (rest * 100 + u32::from(sign - b'A') + 10) % 97,
    });
    (remainder == 1 && !super::words::wordy(bytes.get(at))).then_some(at)
}
