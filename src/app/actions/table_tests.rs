//! What must hold for every row of the table, whoever adds one.

use super::{Context, actions};
use crate::app::scenes::Scene;
use crate::app::{Chord, Keymap, Overlay, Preset};
use std::collections::BTreeSet;

#[test]
fn ids_are_unique_and_kebab_case() {
    let mut seen = BTreeSet::new();
    for action in actions() {
        let is_kebab = action.id.split('-').all(|word| {
            !word.is_empty()
                && word
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        });
        assert!(is_kebab, "{}", action.id);
        assert!(seen.insert(action.id), "{} stands twice", action.id);
    }
}

#[test]
fn titles_are_short_commands_and_no_two_are_alike_where_both_are_seen() {
    for context in Context::ALL {
        let mut seen = BTreeSet::new();
        for action in actions().iter().filter(|a| a.is_in(context)) {
            let title = action.title;
            assert!(title.chars().count() <= 40, "{title}");
            assert!(
                title.starts_with(|c: char| c.is_ascii_uppercase()),
                "{title}"
            );
            assert!(!title.ends_with('.'), "{title}");
            let verb = title.split(' ').next().unwrap();
            assert!(!verb.ends_with("ing") && !verb.ends_with("ed"), "{title}");
            assert!(
                seen.insert(title),
                "{title} stands twice in {}",
                context.name()
            );
        }
    }
}

#[test]
fn every_chord_can_be_read_and_its_context_exists() {
    for action in actions() {
        assert!(action.contexts().count() > 0, "{} is nowhere", action.id);
        for text in action.keys {
            let place = text.split_once('@').filter(|(chord, _)| !chord.is_empty());
            if let Some((_, place)) = place {
                let context = Context::from_name(place).expect(text);
                assert!(action.is_in(context), "{}: {text}", action.id);
            }
        }
        for context in action.contexts() {
            for chord in action.keys_in(context) {
                Chord::parse(chord).expect(chord);
            }
        }
    }
}

#[test]
fn no_chord_clashes_or_begins_another_in_any_preset() {
    for preset in Preset::ALL {
        if let Err(problems) = Keymap::new(preset, &[]) {
            let all: Vec<String> = problems.iter().map(ToString::to_string).collect();
            panic!("{}: {}", preset.name(), all.join("\n"));
        }
    }
}

#[test]
fn every_context_has_a_way_back_the_help_and_the_palette_in_every_preset() {
    for preset in Preset::ALL {
        let keymap = Keymap::new(preset, &[]).unwrap();
        for context in Context::ALL {
            for id in ["back", "help", "palette", "quit", "undo"] {
                let keys = keymap.chords(id, context);
                assert!(
                    !keys.is_empty(),
                    "{id} has no key in {} of {}",
                    context.name(),
                    preset.name()
                );
            }
            let back = keymap.chords("back", context);
            assert!(
                back.iter().any(|k| k.as_str() == "Esc"),
                "{}",
                preset.name()
            );
        }
    }
}

#[test]
fn a_prefix_is_one_of_three() {
    for action in actions() {
        for context in action.contexts() {
            for text in action.keys_in(context) {
                let chord = Chord::parse(text).unwrap();
                let [first, _, ..] = chord.keys() else {
                    continue;
                };
                assert!(
                    ["g", "z", "F"].contains(&first.to_string().as_str()),
                    "{text}"
                );
            }
        }
    }
}

#[test]
fn no_default_needs_alt() {
    let keys = || actions().iter().flat_map(|a| a.keys);
    assert_eq!(
        keys().find(|k| k.contains("alt-") || k.contains("M-")),
        None
    );
}

#[test]
fn the_palette_shows_every_action_by_its_title() {
    let mut scene = Scene::new(120, 40);
    scene.press("ctrl-k");
    let Some(Overlay::Picker(picker)) = &scene.app.overlay else {
        panic!("no palette");
    };
    let shown: BTreeSet<&str> = picker.all().iter().map(|i| i.label.as_str()).collect();
    for action in actions().iter().filter(|a| a.id != "palette") {
        let title = action.title_now(&scene.app);
        assert!(shown.contains(title.as_str()), "{title}");
    }
}

#[test]
fn plain_words_find_what_people_call_it() {
    for (words, id) in [
        ("important", "star"),
        ("label", "tag"),
        ("spam", "go-to-junk"),
        ("spam", "junk"),
        ("bin", "trash"),
        ("delete", "trash"),
        ("purge", "delete"),
        ("file", "move"),
        ("rename folder", "rename-folder"),
        ("mkdir", "new-folder"),
        ("catchup", "read-folder"),
        ("retry", "activity"),
        ("check mail", "sync"),
        ("exit", "quit"),
        ("dark", "next-theme"),
        ("conversation", "toggle-threads"),
        ("take back", "undo"),
        ("download", "attachments"),
    ] {
        let mut scene = Scene::new(120, 40);
        scene.press("ctrl-k").type_text(words);
        let Some(Overlay::Picker(picker)) = &scene.app.overlay else {
            panic!("no palette");
        };
        let title = super::find(id).unwrap().1.title_now(&scene.app);
        let found = (0..picker.len().min(8)).filter_map(|n| picker.item(n));
        assert!(
            found.into_iter().any(|i| i.label == title),
            "{words} does not find {title}"
        );
    }
}
