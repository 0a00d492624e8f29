//! Tests of the HTML rendering: what a reader sees, what is kept from them, and hostile trees.
//!
//! Called by the test runner alone. Must never fetch anything.

use super::*;
use crate::mime::wrap::columns;
use crate::model::{LineKind, Link};

struct Shown {
    lines: Vec<String>,
    found: Vec<Line>,
    links: Vec<Link>,
    blocked: usize,
    trackers: u32,
    hidden: Vec<String>,
}

fn show(html: &str, width: usize) -> Shown {
    let mut links = Links::default();
    let done = lines(html, width, &mut links);
    let text = |l: &Line| {
        let text: String = l.spans.iter().map(|s| s.text.as_str()).collect();
        format!("{}{text}", ">".repeat(usize::from(l.quote)))
    };
    Shown {
        hidden: done
            .hidden
            .iter()
            .flat_map(|h| h.lines.iter().map(text))
            .collect(),
        trackers: done.trackers,
        lines: done.lines.iter().map(text).collect(),
        found: done.lines,
        links: links.into_vec(),
        blocked: done.pictures.iter().filter(|p| p.is_remote()).count(),
    }
}

#[test]
fn headings_lists_quotes_and_rules_are_what_they_are() {
    let shown = show(
        "<h1>Title</h1><p>one <b>two</b> <i>three</i></p><ul><li>a</li><li>b</li></ul><hr>\
         <ol><li>x</li></ol><blockquote>q<blockquote>qq</blockquote></blockquote>",
        40,
    );
    let kind = |text: &str| {
        let at = shown
            .lines
            .iter()
            .position(|l| l == text)
            .unwrap_or_else(|| panic!("{text}: {:?}", shown.lines));
        shown.found[at].kind
    };
    assert_eq!(kind("Title"), LineKind::Heading);
    assert_eq!(kind("one two three"), LineKind::Text);
    assert_eq!(kind("• a"), LineKind::Text);
    assert_eq!(kind(&"─".repeat(40)), LineKind::Rule);
    assert_eq!(kind("1. x"), LineKind::Text);
    assert_eq!(kind(">q"), LineKind::Text);
    assert_eq!(kind(">>qq"), LineKind::Text);
    let spans: Vec<_> = shown.found.iter().flat_map(|l| &l.spans).collect();
    assert!(
        spans
            .iter()
            .any(|s| s.text.as_str() == "two" && s.emphasis.is_bold)
    );
    assert!(
        spans
            .iter()
            .any(|s| s.text.as_str() == "three" && s.emphasis.is_italic)
    );
}

#[test]
fn a_rule_behind_bare_text_has_a_line_of_its_own() {
    let rule = "─".repeat(10);
    assert_eq!(show("one<hr>two", 10).lines, ["one", &rule, "two"]);
}

#[test]
fn links_keep_number_words_and_true_host() {
    let shown = show(
        "<p>go to <a href='https://evil.org/x'>www.bank.com</a>, <a href='javascript:x()'>run</a> or \
         <a href=\"https://evil.org/x\">again</a> <a href='mailto:a@b'>mail</a></p>",
        80,
    );
    assert_eq!(shown.links.len(), 2);
    assert_eq!(shown.links[0].text.as_str(), "www.bank.com");
    assert_eq!(shown.links[0].host.as_str(), "evil.org");
    assert_eq!(shown.links[1].target, "mailto:a@b");
    let linked: Vec<(&str, usize)> = shown
        .found
        .iter()
        .flat_map(|l| &l.spans)
        .filter_map(|s| Some((s.text.as_str(), s.link?)))
        .collect();
    assert_eq!(linked, [("www.bank.com", 0), ("again", 0), ("mail", 1)]);
    assert!(shown.lines[0].contains("run"));
}

#[test]
fn a_link_written_out_is_one_even_where_it_goes_on_in_the_next_line() {
    let shown = show(
        "<p>see http://a.org/x now, or <b>bold http://b.org/ too</b></p><p>http://c.org/long/and/longer</p>",
        20,
    );
    let targets: Vec<&str> = shown.links.iter().map(|l| l.target.as_str()).collect();
    assert_eq!(targets, ["http://a.org/x", "http://c.org/long/and/longer"]);
}

#[test]
fn pictures_are_named_counted_and_never_loaded() {
    let shown = show(
        "<img src='https://t.org/p.gif' width=1 height=1><img src='http://x/logo.png' alt='Logo'> and \
         <img src='cid:a@b' alt='Chart'><img src='http://x/s.png' alt=''>\
         <a href='http://x/'><img src='http://x/button.png'></a>",
        80,
    );
    let all = shown.lines.join(" ");
    assert_eq!((shown.blocked, shown.trackers), (2, 1));
    assert!(
        all.contains("[picture: Logo]") && all.contains("[picture: Chart]"),
        "{all}"
    );
    assert_eq!(all.matches("[picture").count(), 3, "{all}");
    let ours = shown
        .found
        .iter()
        .flat_map(|l| &l.spans)
        .filter(|s| s.emphasis.is_ours);
    assert!(ours.clone().any(|s| s.text.as_str() == "[picture: Logo]"));
    assert!(
        ours.clone().any(|s| s.link.is_some()),
        "a picture link is reached"
    );
}

#[test]
fn what_is_hidden_stays_hidden() {
    let shown = show(
        "<html><head><title>T</title><style>.h{display:none}</style></head><body>\
         <div style='display:none'>A1</div><div class=h>A2</div><span hidden>A3</span>\
         <span style='font-size:0'>A4</span><td style='font-size:0'><p style='font-size:13px'>seen</p></td>\
         <script>A5</script><div style='max-height:0;overflow:hidden'>A6</div>\
         <!-- A7 --><template>A8</template></body>",
        80,
    );
    assert_eq!(shown.lines, ["seen"]);
    assert_eq!(
        shown.hidden.len(),
        0,
        "signs that are no words are not told of"
    );
}

#[test]
fn tables_of_data_are_drawn_and_tables_of_layout_are_not() {
    let data = show(
        "<table><tr><th>Item</th><th>Price</th></tr><tr><td>Tea</td><td>3</td></tr></table>",
        40,
    );
    assert!(
        data.lines.iter().any(|l| l == "Tea       3"),
        "{:?}",
        data.lines
    );
    let layout = show(
        "<table><tr><td><table role=presentation><tr><td><p>Dear Ann,</p></td></tr>\
         <tr><td>Total</td><td>$3</td></tr></table></td></tr></table>",
        40,
    );
    assert_eq!(
        layout.lines.concat().matches(['│', '─']).count(),
        0,
        "{:?}",
        layout.lines
    );
    assert!(
        layout
            .lines
            .iter()
            .any(|l| l.contains("Total") && l.contains("$3")),
        "{:?}",
        layout.lines
    );
}

#[test]
fn no_line_is_too_wide_however_narrow_the_screen() {
    let html = "<table><tr><th>aaaaaaaaaaaaa</th><th>bbbbbbbbbbbbbbbbb</th></tr><tr><td>c</td><td>dddddddddddddd</td></tr></table>\
        <blockquote><blockquote><ul><li><ul><li>nested words here and there</li></ul></li></ul></blockquote></blockquote>\
        <pre>preformatted line that is very long indeed and goes on</pre><p>https://example.org/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa</p>";
    for width in [5, 10, 20, 40, 100] {
        let shown = show(html, width);
        for line in &shown.found {
            let wide: usize = line.spans.iter().map(|s| columns(s.text.as_str())).sum();
            assert!(
                wide + crate::model::Line::quote_cols(line.quote) <= width,
                "{width}: {line:?}"
            );
        }
    }
}

#[test]
fn no_mark_of_ours_can_be_forged_and_no_control_gets_through() {
    let shown = show(
        "<p>&#1;&#1;a&#27;[31m\u{1}\u{1}b&#x202e;c\u{2}d&#x9b;</p>",
        40,
    );
    assert!(
        shown
            .found
            .iter()
            .all(|l| l.quote == 0 && l.kind == LineKind::Text)
    );
    let all = shown.lines.concat();
    assert!(
        !all.contains(|c: char| c.is_control() || c == '\u{202e}'),
        "{all:?}"
    );
}

/// A piece again and again, with its number for `#`.
fn numbered(piece: &str, count: usize) -> String {
    let pieces = (0..count).map(|n| piece.replace('#', &n.to_string()));
    pieces.collect()
}

#[test]
fn hostile_trees_are_read_as_words_or_laid_out_within_bounds() {
    for (name, html) in [
        ("deep", format!("{}words", "<div>".repeat(50_000))),
        ("deep quotes", format!("{}words", "<blockquote>".repeat(5_000))),
        ("deep tables", format!("{}words", "<table><tr><td>".repeat(5_000))),
        ("less deep tables", format!("{}words", "<table><tr><th>a</th><td>".repeat(40))),
        ("formats", (0..20_000).map(|n| format!("<font size={n}>")).collect::<String>() + &"<p>words".repeat(20_000)),
        ("formats that differ", numbered("<b a#>words", 20_000)),
        ("formats that others close", numbered("<b a#></i>words", 20_000)),
        ("attributes of a body", numbered("<body a#></body>words", 20_000)),
        ("attributes", format!("<a {}>words</a>", "x=1 ".repeat(100_000))),
        ("many", "<b>words</b> ".repeat(100_000)),
        ("long", "words ".repeat(500_000)),
        ("one word", "words".repeat(100_000)),
        ("open tags", "<a<b<c".repeat(50_000) + "words"),
        ("wide table", format!("<table><tr>{}</tr></table>", "<td>words</td>".repeat(3_000))),
        ("span", "<table><tr><td colspan=1000000000 rowspan=999999999>words</td><td>x</td></tr><tr><td rowspan=0>y</td></tr></table>".to_owned()),
        ("lists", "<ul><li>words".repeat(3_000)),
        ("rows", format!("<table>{}</table>", "<tr><td>words</td><td>and more</td><td>1</td></tr>".repeat(15_000))),
        ("sheet", format!("<style>{}</style><p class=a>words</p>", ".a{color:red}".repeat(50_000))),
    ] {
        let shown = show(&html, 80);
        assert!(shown.lines.iter().any(|l| l.contains("words")), "{name}: {:?}", shown.lines);
    }
}

#[test]
fn cells_that_span_thousands_of_rows_cost_no_thousands_of_lines() {
    let rows = "<tr><th rowspan=1000>a</th><td>b</td></tr>".repeat(300);
    let shown = show(&format!("<table>{rows}</table>"), 80);
    assert!(shown.lines.len() < 2_000, "{}", shown.lines.len());
}

#[test]
fn a_panic_in_the_library_is_kept_inside() {
    assert_eq!(guarded(|| 1), Some(1));
    assert!(!is_guarded());
    let inner = guarded(is_guarded);
    assert_eq!(inner, Some(true));
}

#[test]
fn filler_before_the_text_and_empty_lines_in_a_row_are_dropped() {
    let shown = show(
        "<p>&zwnj;&nbsp;&zwnj;&nbsp;</p><p></p><p>a</p><br><br><br><br><p>b</p><p>&nbsp;</p>",
        40,
    );
    assert_eq!(shown.lines, ["a", "", "b"]);
}

#[test]
fn plain_text_that_is_called_a_page_keeps_its_lines() {
    let text = "Dear Ann,\nsee <http://example.org/x> and <ann@example.org>\n\n> quoted\n";
    let shown = show(text, 60);
    assert_eq!(shown.lines[0], "Dear Ann,");
    assert_eq!(shown.lines[3], ">quoted");
    assert_eq!(shown.links.len(), 2);
    assert_eq!(show("<div>a\nb</div>", 60).lines, ["a b"]);
}

#[test]
fn text_that_cannot_be_seen_is_hidden_and_text_on_a_ground_of_its_own_is_not() {
    let shown = show(
        "<body bgcolor=white><font color='#FFFFFF'>unseen words</font>\
         <table><tr><td bgcolor=#003366><font color=white>on blue</font></td></tr>\
         <tr><td background='http://x.example/dark.jpg'><font color=white>on a picture</font></td></tr>\
         <tr><td class=dark><font color=white>on who knows</font></td></tr></table></body>",
        60,
    );
    let all = shown.lines.join(" ");
    assert!(!all.contains("unseen"), "{all}");
    for seen in ["on blue", "on a picture", "on who knows"] {
        assert!(all.contains(seen), "{all}");
    }
    assert_eq!(shown.hidden, ["Hidden by the sender: unseen words"]);
}

#[test]
fn a_table_without_room_is_read_row_by_row_and_none_of_it_is_lost() {
    let names = (0..8)
        .map(|n| format!("<th>Name {n}</th>"))
        .collect::<String>();
    let cells = (0..8)
        .map(|n| format!("<td>a longer value {n}</td>"))
        .collect::<String>();
    let html = format!("<table><tr>{names}</tr><tr>{cells}</tr><tr>{cells}</tr></table>");
    let narrow = show(&html, 80);
    assert_eq!(narrow.lines[0], "Name 0: a longer value 0");
    assert_eq!(
        narrow
            .lines
            .iter()
            .filter(|l| l.contains("value 7"))
            .count(),
        2
    );
    assert_eq!(narrow.lines.iter().filter(|l| l.is_empty()).count(), 1);
    let wide = show(&html, 160);
    assert!(
        wide.lines[0].starts_with("Name 0") && wide.lines[0].contains("Name 7"),
        "{:?}",
        wide.lines
    );
}

#[test]
fn what_looks_like_a_button_is_one_and_the_same_target_has_one_number() {
    let shown = show(
        "<a href='https://shop.example/x'><img src='http://x.example/p.jpg' width=40 height=40></a>\
         <h2><a href='https://shop.example/x'>A lamp</a></h2>\
         <p><a href='https://shop.example/x' style='background:#c00;padding:8px'>Buy it</a> now</p>",
        60,
    );
    assert_eq!(shown.lines, ["A lamp", "", "[ Buy it ]", "", "now"]);
    assert_eq!(shown.links.len(), 1);
    assert_eq!(shown.links[0].text.as_str(), "A lamp");
}

#[test]
fn quotes_of_mail_programs_are_levels_that_fold() {
    let shown = show(
        "<div>mine</div><div class='yahoo_quoted'><div>On Monday Ben wrote:</div><div>theirs</div></div>",
        60,
    );
    assert_eq!(shown.lines, ["mine", ">On Monday Ben wrote:", ">theirs"]);
    let indent = show(
        "<div>a</div><blockquote style='margin:0 0 0 40px;border:none;padding:0px'>b</blockquote>",
        60,
    );
    assert_eq!(indent.lines, ["a", "", "  b"]);
    let forwarded = show(
        "<p>From: Ann</p><p>Sent: Monday</p><p>Subject: Tea</p><p>Hello</p>",
        60,
    );
    assert!(
        forwarded.lines.iter().all(|l| !l.starts_with('>')),
        "{:?}",
        forwarded.lines
    );
}

#[test]
fn pictures_in_frames_of_no_size_are_there_and_lines_are_rules() {
    let shown = show(
        "<table><tr><td style='font-size:0px'><img src='cid:a' alt='A boat' width=300></td></tr>\
         <tr><td style='font-size:0px'><p style='border-top:solid 2px #ccc;font-size:1px'></p></td></tr>\
         <tr><td style='font-size:0px'>spam words</td></tr><tr><td><p>after</p></td></tr></table>",
        20,
    );
    let rule = "─".repeat(20);
    assert_eq!(shown.lines, ["[picture: A boat]", "", &rule, "", "after"]);
    assert_eq!(shown.hidden, ["Hidden by the", "sender: spam words"]);
}

#[test]
fn what_is_struck_out_is_seen_as_such_where_the_terminal_draws_no_line() {
    let shown = show(
        "<p><s>24 <i>old</i></s> 19 <span style='text-decoration:line-through'>Open</span><s></s>\
         <table border=1><tr><th>a</th><th>b</th></tr>\
         <tr><td style='text-decoration:line-through'>49</td><td>39</td></tr></table>",
        40,
    );
    assert_eq!(shown.lines.first().unwrap(), "~~24 old~~ 19 ~~Open~~");
    assert!(
        shown.lines.iter().any(|l| l.contains("~~49~~")),
        "{:?}",
        shown.lines
    );
}
