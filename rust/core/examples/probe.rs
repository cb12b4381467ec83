use gateway_core::canon::{Canon, Options};
fn main() {
    let mut a = std::env::args().skip(1);
    let body = std::fs::read(a.next().unwrap()).unwrap();
    let n: usize = a.next().unwrap().parse().unwrap();
    let canon = Canon::new(b"s", Options::default()).unwrap();
    let t = std::time::Instant::now();
    let mut x = 0u8;
    for _ in 0..n {
        x ^= canon.read(&body[..]).unwrap().key(b"tenant")[0];
    }
    println!("{x} {:.0} ns", t.elapsed().as_nanos() as f64 / n as f64);
}
