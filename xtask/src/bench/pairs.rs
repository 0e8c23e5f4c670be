//! Two servers in turn, so that whatever else the machine does falls on both.

use super::load::{Cost, Load};
use super::server::Server;

/// The middle of several numbers, which one bad run does not move.
pub(super) fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    match numbers.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => numbers[count / 2],
        count => f64::midpoint(numbers[count / 2 - 1], numbers[count / 2]),
    }
}

/// Runs every load in turn, `rounds` times after one to warm up, and gives the medians in their order.
pub(super) fn alternate(rounds: usize, loads: &[(&Server, Load)]) -> Result<Vec<Cost>, String> {
    for (server, load) in loads {
        load.run(server)?;
    }
    let mut costs = vec![Vec::new(); loads.len()];
    for _ in 0..rounds {
        for ((server, load), costs) in loads.iter().zip(&mut costs) {
            costs.push(load.run(server)?);
        }
    }
    Ok(costs.iter().map(|costs| middle(costs)).collect())
}

fn middle(costs: &[Cost]) -> Cost {
    Cost {
        micros: median(costs.iter().map(|cost| cost.micros).collect()),
        rate: median(costs.iter().map(|cost| cost.rate).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one_or_between_the_middle_two() {
        assert_eq!(median(vec![9.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![9.0, 1.0, 2.0, 4.0]), 3.0);
    }
}
