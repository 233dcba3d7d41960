//! Names as the server quotes and cuts them.

use dbaudit::catalog::{MAX_NAME_BYTES, cut_name, name_with_suffix, quote_identifier};
use rand::{Rng, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;

use crate::support::{self, Template};

#[tokio::test]
async fn names_are_quoted_and_cut_as_the_server_does_it() {
    const CHARACTERS: [char; 12] = [
        'a', 'z', '_', '7', 'A', ' ', '"', '.', 'é', '目', '😀', '\u{301}',
    ];
    let seed: u64 = rand::random();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let database = support::server().database(Template::Empty);
    let client = database.client().await;
    for _ in 0..300 {
        let length = rng.random_range(1..90);
        let name: String = (0..length)
            .filter_map(|_| CHARACTERS.choose(&mut rng))
            .collect();
        let asked =
            "SELECT $1::text::name::text, quote_ident($1::text::name::text), $2::text::name::text";
        let with_suffix = name_with_suffix(&name, "_idx12");
        let row = client.query_one(asked, &[&name, &with_suffix]).await;
        let row = row.unwrap();
        let [cut, quoted, whole]: [String; 3] = [0, 1, 2].map(|at| row.get(at));
        assert_eq!(cut_name(&name, MAX_NAME_BYTES), cut, "seed {seed}: {name}");
        assert_eq!(quote_identifier(&cut), quoted, "seed {seed}: {name}");
        assert_eq!(with_suffix, whole, "seed {seed}: {name}");
        assert!(whole.ends_with("_idx12"), "seed {seed}: {name}");
    }
}
