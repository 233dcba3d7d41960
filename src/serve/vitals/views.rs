//! Page views under way. A browser tells of a view several times, each time all it knows; the last word counts.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

const FIGURES: usize = super::FIGURES.len();

/// What is measured once of a view: see [`super::FIGURES`].
pub(super) type Figures = [Option<f64>; FIGURES];

/// Where there are more, those that were silent longest are forgotten early.
const MOST: usize = 50_000;
/// A view of which nothing is heard for so long has its final figures: a phone ends a page without a word.
const SETTLED_S: u64 = 600;
/// A view that comes back later than this is taken for a new one.
const FORGOTTEN_S: u64 = 24 * 3_600;
/// The last words may come in two parts.
const ENDED_S: u64 = 30;

/// The views that may be told of again.
#[derive(Debug)]
pub(super) struct Views {
    known: HashMap<u64, View>,
    /// The names of their pages, each once.
    pages: HashSet<Arc<str>>,
    /// When they were last looked through.
    swept: u64,
}

impl Default for Views {
    /// With room for twice as many: the table then makes room for new views by sweeping out the traces of removed ones.
    /// With less it would double in the middle of a busy day.
    fn default() -> Self {
        Self {
            known: HashMap::with_capacity(2 * MOST),
            pages: HashSet::new(),
            swept: 0,
        }
    }
}

/// Small: there are many.
#[derive(Debug)]
struct View {
    page: Arc<str>,
    /// NaN: not told.
    figures: [f32; FIGURES],
    /// When each figure was counted.
    at: [u32; FIGURES],
    heard: u32,
    ended: bool,
    settled: bool,
}

/// A figure to count in, and the one whose place it takes, with when that was counted.
#[derive(Debug, PartialEq)]
pub(super) struct FigureChange {
    pub(super) figure: usize,
    pub(super) was: Option<(u64, f64)>,
    pub(super) value: f64,
}

/// A view's page and its final figures.
pub(super) type FinalFigures = (Arc<str>, Figures);

impl Views {
    /// Takes what was told of a view: whether it is a new one, and what changes. `page`: as it is counted.
    pub(super) fn tell(
        &mut self,
        id: u64,
        page: &str,
        figures: &Figures,
        ended: bool,
        now: u64,
    ) -> (bool, Vec<FigureChange>) {
        let now = u32::try_from(now).unwrap_or(u32::MAX);
        let new = !self.known.contains_key(&id);
        let page = self.page(page);
        let view = self.known.entry(id).or_insert_with(|| View::new(page, now));
        view.heard = now;
        let mut changes = Vec::new();
        // A word of before the last one that was under way for longer.
        if view.ended && !ended {
            return (new, changes);
        }
        view.ended = ended;
        let held = view.figures.iter_mut().zip(&mut view.at);
        for (figure, (told, (held, at))) in figures.iter().zip(held).enumerate() {
            let Some(value) = told.map(short).filter(|value| value != held) else {
                continue;
            };
            let was = (!held.is_nan()).then(|| (u64::from(*at), f64::from(*held)));
            let told = f64::from(value);
            changes.push(FigureChange {
                figure,
                was,
                value: told,
            });
            (*held, *at) = (value, now);
        }
        (new, changes)
    }

    fn page(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.pages.get(name) {
            return Arc::clone(known);
        }
        let page: Arc<str> = name.into();
        self.pages.insert(Arc::clone(&page));
        page
    }

    /// Those that have their final figures by now, each once.
    pub(super) fn settled(&mut self, now: u64) -> Vec<FinalFigures> {
        if self.swept == now && self.known.len() < MOST {
            return Vec::new();
        }
        self.swept = now;
        let mut settled = Vec::new();
        // From this time on a view is kept, even where there are too many.
        let kept_from = self.crowd_from();
        self.known.retain(|_, view| {
            let heard = u64::from(view.heard);
            let crowded_out = view.heard < kept_from;
            if view.ended || crowded_out || heard + SETTLED_S <= now {
                settled.extend(view.settle());
            }
            let patience = if view.ended { ENDED_S } else { FORGOTTEN_S };
            !crowded_out && heard + patience > now
        });
        if self.known.len() >= MOST {
            // All of one second: a flood.
            settled.extend(self.known.drain().filter_map(|(_, mut view)| view.settle()));
        }
        self.pages.retain(|page| Arc::strong_count(page) > 1);
        settled
    }

    fn crowd_from(&self) -> u32 {
        if self.known.len() < MOST {
            return 0;
        }
        let mut heard: Vec<u32> = self.known.values().map(|view| view.heard).collect();
        let (_, at, _) = heard.select_nth_unstable(MOST / 4);
        *at
    }
}

impl View {
    fn new(page: Arc<str>, now: u32) -> Self {
        Self {
            page,
            figures: [f32::NAN; FIGURES],
            at: [now; FIGURES],
            heard: now,
            ended: false,
            settled: false,
        }
    }

    fn settle(&mut self) -> Option<FinalFigures> {
        let first = !std::mem::replace(&mut self.settled, true);
        let told = |held: f32| (!held.is_nan()).then(|| f64::from(held));
        first.then(|| (Arc::clone(&self.page), self.figures.map(told)))
    }
}

/// Seven digits are more than a browser tells.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a percentile wants no more"
)]
fn short(value: f64) -> f32 {
    value as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inp(ms: f64) -> Figures {
        let mut figures = Figures::default();
        figures[0] = Some(ms);
        figures
    }

    #[test]
    fn the_last_word_of_a_view_is_its_figure_and_is_told_once() {
        let mut views = Views::default();
        let (new, changes) = views.tell(1, "/", &inp(40.0), false, 0);
        assert!(new && changes[0].was.is_none());
        let (new, changes) = views.tell(1, "/", &inp(320.0), false, 100);
        assert!(!new);
        let change = FigureChange {
            figure: 0,
            was: Some((0, 40.0)),
            value: 320.0,
        };
        assert_eq!(changes, [change]);
        assert_eq!(views.tell(1, "/", &inp(320.0), false, 101).1, []);
        assert_eq!(views.settled(101 + SETTLED_S - 1).len(), 0);
        let settled = views.settled(101 + SETTLED_S);
        assert_eq!(settled, [(Arc::from("/"), inp(320.0))]);
        // It is known still, and neither new nor told of again.
        assert!(!views.tell(1, "/", &inp(400.0), true, 5_000).0);
        let late = views.tell(1, "/", &inp(320.0), false, 5_000);
        assert_eq!(late, (false, vec![]), "it was sent before the last word");
        assert_eq!(views.settled(6_000), []);
        assert_eq!(views.known.len(), 0);
    }

    #[test]
    fn a_flood_of_views_is_settled_early_and_each_once() {
        let mut views = Views::default();
        let mut settled = 0;
        for id in 0..200_000 {
            views.tell(id, "/", &inp(1.0), false, id / 60_000);
            settled += views.settled(id / 60_000).len();
            assert!(views.known.len() <= MOST, "{}", views.known.len());
        }
        assert_eq!(settled + views.known.len(), 200_000);
    }

    #[test]
    fn views_that_come_and_go_all_day_take_no_more_room() {
        let mut views = Views::default();
        let room = views.known.capacity();
        for id in 0..1_000_000 {
            views.tell(id, "/", &inp(1.0), true, id / 1_500);
            views.settled(id / 1_500);
        }
        assert!(views.known.len() > MOST * 4 / 5, "{}", views.known.len());
        assert!(views.known.capacity() <= room);
    }
}
