//! Bits beside a plain list of matched positions.

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn numbers_are_those_of_a_list(
        live in prop::collection::btree_set(300_u64..900, 0..80),
        older in prop::collection::btree_set(1_u64..300, 0..80),
        trimmed in 0_u64..900,
        asked in prop::collection::vec(0_u64..1000, 1..20),
    ) {
        let mut bits = Bits {
            start: 300 / WORD * WORD,
            words: VecDeque::new(),
            filled_from: 300,
            before: FIRST_NUMBER,
            total: FIRST_NUMBER,
            notices: VecDeque::new(),
            last: 299,
            trim_at: WORDS,
        };
        for &position in &live {
            bits.total += bits.set(position);
            prop_assert_eq!(bits.set(position), 0, "twice is once");
        }
        for &position in older.iter().rev() {
            bits.before -= bits.set(position);
        }
        bits.filled_from = 1;
        let all: Vec<u64> = older.iter().chain(&live).copied().collect();
        let first = FIRST_NUMBER - older.len() as u64;
        bits.trim(trimmed);
        prop_assert_eq!(bits.total, first + all.len() as u64);
        for position in asked.into_iter().filter(|&position| position >= trimmed) {
            let at = all.partition_point(|&one| one < position);
            prop_assert_eq!(bits.number_at(position), first + at as u64);
            prop_assert_eq!(bits.next(position), all.get(at).copied());
        }
    }
}
