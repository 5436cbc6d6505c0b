//! A simulation as a picture: one SVG file that needs nothing from outside.

use std::fmt::{self, Display, Write};

use super::report::{Curve, Interval, Report};
use crate::learn::PolicyName;

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 520.0;
/// The corners of the field that curves are drawn in; to the right of it is the legend.
const LEFT: f64 = 70.0;
const RIGHT: f64 = 668.0;
const TOP: f64 = 78.0;
const BOTTOM: f64 = 458.0;
const LEGEND: f64 = 696.0;
const LEGEND_END: f64 = 884.0;
/// From one line of the legend to the next.
const LINE: f64 = 17.0;
/// What a policy is measured by, in % of the best slate.
const GUIDES: [f64; 2] = [85.0, 95.0];
const LONGEST_TITLE: usize = 80;

/// Draws the curves of a report: the expected rate of what each policy showed, in % of the best fixed slate's, over
/// slot impressions.
///
/// Colours are those of Okabe and Ito (*Color Universal Design*, 2008), which colour-blind people can tell apart; the
/// legend stands at the ends of the curves in their order, so that colours are not needed to read it.
pub fn svg(report: &Report) -> String {
    let mut text = String::new();
    // Writing to a text cannot fail.
    let _ = draw(&mut text, report);
    text
}

fn draw(out: &mut String, report: &Report) -> fmt::Result {
    let field = Field::of(report);
    write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" \
         height=\"{HEIGHT}\" role=\"img\" font-family=\"system-ui, 'Segoe UI', Helvetica, Arial, sans-serif\" \
         font-size=\"12\" fill=\"#333\">\n<title>{}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
        Escaped(&report.world)
    )?;
    headings(out, report)?;
    axes(out, &field)?;
    reference_lines(out, report, &field)?;
    // Bands first, so that none hides a curve; the first policy last, so that it is on top.
    for curve in report.curves.iter().rev() {
        band(out, curve, &field)?;
    }
    for curve in report.curves.iter().rev() {
        line(out, curve, &field)?;
    }
    legend(out, report, &field)?;
    out.write_str("</svg>\n")
}

/// How numbers become places.
struct Field {
    impressions: f64,
    lowest: f64,
    highest: f64,
}

impl Field {
    fn of(report: &Report) -> Self {
        let points = report.curves.iter().flat_map(|curve| &curve.points);
        let ends = points.flat_map(|point| [point.relative.low, point.relative.high]);
        let shown = ends.chain([uniform_share(report), 0.95]).filter(|end| end.is_finite());
        let (lowest, highest) =
            shown.fold((f64::INFINITY, 1.0_f64), |(low, high), end| (low.min(end), high.max(end)));
        Self {
            impressions: float(report.impressions.max(1)),
            lowest: ((100.0 * lowest - 2.0) / 5.0).floor().clamp(-20.0, 19.0) * 5.0,
            highest: (50.0 * highest + 0.5).ceil().min(100.0) * 2.0,
        }
    }

    fn x(&self, impressions: f64) -> f64 {
        LEFT + (RIGHT - LEFT) * (impressions / self.impressions).clamp(0.0, 1.0)
    }

    /// The place of a percentage; what is no number stands at the bottom.
    fn y(&self, percent: f64) -> f64 {
        let share = (percent - self.lowest) / (self.highest - self.lowest);
        BOTTOM - (BOTTOM - TOP) * if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) }
    }

    /// The places of a curve, each stretch at its middle.
    fn places<'a>(
        &'a self,
        curve: &'a Curve,
        value: impl Fn(Interval) -> f64 + 'a,
    ) -> impl DoubleEndedIterator<Item = (f64, f64)> + 'a {
        curve.points.iter().enumerate().map(move |(place, point)| {
            let begin = place.checked_sub(1).and_then(|before| curve.points.get(before));
            let middle = f64::midpoint(
                begin.map_or(0.0, |before| float(before.impressions)),
                float(point.impressions),
            );
            (self.x(middle), self.y(100.0 * value(point.relative)))
        })
    }
}

fn headings(out: &mut String, report: &Report) -> fmt::Result {
    let world: String = if report.world.chars().count() > LONGEST_TITLE {
        report.world.chars().take(LONGEST_TITLE).chain(['…']).collect()
    } else {
        report.world.clone()
    };
    let late = if report.delay_seconds > 0.0 {
        format!("; rewards {} s late", thousands(report.delay_seconds))
    } else {
        String::new()
    };
    writeln!(
        out,
        "<text x=\"{LEFT}\" y=\"28\" font-size=\"17\" font-weight=\"600\">{}</text>",
        Escaped(&world)
    )?;
    writeln!(
        out,
        "<text x=\"{LEFT}\" y=\"48\" fill=\"#555\">Expected click rate of what is shown, {} slots at once{late}. \
         Lines: mean of {} seeds; bands: 95 % confidence.</text>",
        report.slots, report.seeds
    )
}

fn axes(out: &mut String, field: &Field) -> fmt::Result {
    writeln!(out, "<g class=\"axes\" stroke=\"#e4e4e4\">")?;
    let step = if field.highest - field.lowest > 45.0 { 10.0 } else { 5.0 };
    for percent in ticks(field.lowest, field.highest, step).filter(|percent| !GUIDES.contains(percent)) {
        horizontal(out, field.y(percent), "")?;
        tick(out, LEFT - 8.0, field.y(percent) + 4.0, "end", &format!("{percent} %"))?;
    }
    for percent in GUIDES {
        horizontal(out, field.y(percent), " stroke=\"#999\" stroke-dasharray=\"1 3\"")?;
        tick(out, LEFT - 8.0, field.y(percent) + 4.0, "end", &format!("{percent} %"))?;
    }
    for impressions in ticks(0.0, field.impressions, step_of(field.impressions)) {
        let x = field.x(impressions);
        writeln!(out, "<path d=\"M{x:.1} {BOTTOM}v5\" stroke=\"#888\"/>")?;
        tick(out, x, BOTTOM + 19.0, "middle", &thousands(impressions))?;
    }
    writeln!(out, "<path d=\"M{LEFT} {TOP}V{BOTTOM}H{RIGHT}\" fill=\"none\" stroke=\"#888\"/>\n</g>")?;
    let (middle_x, middle_y) = (f64::midpoint(LEFT, RIGHT), f64::midpoint(TOP, BOTTOM));
    writeln!(
        out,
        "<text x=\"{middle_x}\" y=\"{}\" text-anchor=\"middle\">slot impressions</text>\n\
         <text transform=\"translate(18 {middle_y}) rotate(-90)\" text-anchor=\"middle\">click rate, % of the best \
         fixed slate’s</text>",
        BOTTOM + 42.0
    )
}

/// The best slate, chance, and the moment of drift.
fn reference_lines(out: &mut String, report: &Report, field: &Field) -> fmt::Result {
    writeln!(out, "<g class=\"references\" fill=\"#555\" font-size=\"11\">")?;
    let (best, uniform) = (field.y(100.0), field.y(100.0 * uniform_share(report)));
    horizontal(out, best, " stroke=\"#333\" stroke-width=\"1.2\"")?;
    horizontal(out, uniform, " stroke=\"#666\" stroke-dasharray=\"7 4\"")?;
    let right = RIGHT - 6.0;
    writeln!(out, "<text x=\"{right}\" y=\"{:.1}\" text-anchor=\"end\">best fixed slate</text>", best - 5.0)?;
    writeln!(
        out,
        "<text x=\"{right}\" y=\"{:.1}\" text-anchor=\"end\">uniformly random: {:.1} %</text>",
        uniform + 14.0,
        100.0 * uniform_share(report)
    )?;
    if let Some(at) = report.drift_at {
        let x = field.x(float(at));
        let (anchor, label) =
            if x > f64::midpoint(LEFT, RIGHT) { ("end", x - 6.0) } else { ("start", x + 6.0) };
        writeln!(
            out,
            "<path class=\"drift\" d=\"M{x:.1} {TOP}V{BOTTOM}\" stroke=\"#333\" stroke-dasharray=\"4 3\"/>\n\
             <text x=\"{label:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">rates permuted</text>",
            BOTTOM - 8.0
        )?;
    }
    writeln!(out, "</g>")
}

fn band(out: &mut String, curve: &Curve, field: &Field) -> fmt::Result {
    let there = field.places(curve, |interval| interval.high);
    let back = field.places(curve, |interval| interval.low).rev();
    let Ink { colour, .. } = Ink::of(curve.policy);
    let path = path(there.chain(back));
    writeln!(out, "<path class=\"band\" d=\"{path}Z\" fill=\"{colour}\" fill-opacity=\"0.16\"/>")
}

fn line(out: &mut String, curve: &Curve, field: &Field) -> fmt::Result {
    let path = path(field.places(curve, |interval| interval.mean));
    writeln!(
        out,
        "<path class=\"curve\" data-policy=\"{}\" d=\"{path}\" fill=\"none\" {} stroke-linejoin=\"round\"/>",
        curve.policy,
        Ink::of(curve.policy)
    )
}

/// Name and last value of each policy, beside the end of its curve.
fn legend(out: &mut String, report: &Report, field: &Field) -> fmt::Result {
    let (x, y) = (LEGEND_END, TOP - 6.0);
    writeln!(out, "<g class=\"legend\">")?;
    writeln!(out, "<text x=\"{x}\" y=\"{y}\" text-anchor=\"end\" fill=\"#555\">last tenth, %</text>")?;
    let end = |curve| field.places(curve, |interval| interval.mean).next_back().unwrap_or((LEFT, BOTTOM));
    let mut ends: Vec<_> = report.curves.iter().map(|curve| (end(curve), curve)).collect();
    ends.sort_by(|((_, above), _), ((_, below), _)| above.total_cmp(below));
    let wanted: Vec<f64> = ends.iter().map(|((_, y), _)| *y).collect();
    for ((end, curve), place) in ends.iter().zip(spread(&wanted, LINE, TOP, BOTTOM)) {
        legend_line(out, curve, *end, place)?;
    }
    writeln!(out, "</g>")
}

/// A line of the legend, joined to the end of its curve.
fn legend_line(out: &mut String, curve: &Curve, (x, y): (f64, f64), place: f64) -> fmt::Result {
    let last = curve.tenths.last().map(|point| 100.0 * point.relative.mean).filter(|last| last.is_finite());
    let value = last.map_or_else(|| "–".to_owned(), |last| format!("{last:.1}"));
    let (joint, sample, name) = (LEGEND - 4.0, LEGEND + 18.0, LEGEND + 24.0);
    let (base, end, policy, ink) = (place + 4.0, LEGEND_END, curve.policy, Ink::of(curve.policy));
    writeln!(
        out,
        "<path d=\"M{x:.1} {y:.1}L{joint} {place:.1}\" stroke=\"#bbb\" stroke-width=\"0.8\" fill=\"none\"/>\n\
         <path d=\"M{LEGEND} {place:.1}H{sample}\" fill=\"none\" {ink}/>\n\
         <text x=\"{name}\" y=\"{base:.1}\">{policy}</text>\n\
         <text x=\"{end}\" y=\"{base:.1}\" text-anchor=\"end\" fill=\"#555\">{value}</text>"
    )
}

/// How a policy is drawn: always the same way, whatever else is in the picture.
struct Ink {
    colour: &'static str,
    width: f64,
    dashes: &'static str,
}

impl Ink {
    fn of(policy: PolicyName) -> Self {
        let (colour, width, dashes) = match policy {
            PolicyName::AdaptiveThompson => ("#d55e00", 2.6, ""),
            PolicyName::Thompson => ("#0072b2", 1.8, ""),
            PolicyName::PlainThompson => ("#000000", 1.8, ""),
            PolicyName::LinearThompson => ("#cc79a7", 1.8, ""),
            PolicyName::Ucb1 => ("#009e73", 1.8, ""),
            PolicyName::EpsilonGreedy => ("#e69f00", 1.8, ""),
            PolicyName::Static => ("#56b4e9", 1.8, "6 3"),
            PolicyName::Uniform => ("#777777", 1.8, "2 2"),
        };
        Self { colour, width, dashes }
    }
}

impl Display for Ink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stroke=\"{}\" stroke-width=\"{}\"", self.colour, self.width)?;
        if self.dashes.is_empty() { Ok(()) } else { write!(f, " stroke-dasharray=\"{}\"", self.dashes) }
    }
}

fn path(places: impl Iterator<Item = (f64, f64)>) -> String {
    let steps = places
        .enumerate()
        .map(|(place, (x, y))| format!("{}{x:.1} {y:.1}", if place == 0 { 'M' } else { 'L' }));
    let path: String = steps.collect();
    // A path without a place is not a path.
    if path.is_empty() { format!("M{LEFT} {BOTTOM}") } else { path }
}

fn horizontal(out: &mut String, y: f64, ink: &str) -> fmt::Result {
    writeln!(out, "<path d=\"M{LEFT} {y:.1}H{RIGHT}\"{ink}/>")
}

fn tick(out: &mut String, x: f64, y: f64, anchor: &str, label: &str) -> fmt::Result {
    writeln!(out, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" stroke=\"none\">{label}</text>")
}

/// Multiples of a step within bounds.
fn ticks(from: f64, to: f64, step: f64) -> impl Iterator<Item = f64> {
    let first = (from / step).ceil() * step;
    (0_u32..100)
        .map(move |number| first + f64::from(number) * step)
        .take_while(move |tick| *tick <= to * (1.0 + 1e-9))
}

/// 1, 2 or 5 times a power of ten, so that there are four to nine steps.
fn step_of(length: f64) -> f64 {
    let magnitude = 10.0_f64.powf((length / 9.0).max(1.0).log10().floor());
    let fitting = [1.0, 2.0, 5.0].into_iter().find(|times| length / (times * magnitude) <= 9.0);
    magnitude * fitting.unwrap_or(10.0)
}

/// Places in the given order, as near to the wanted ones (which rise) as a gap between neighbours allows.
///
/// Neighbours that are too near form a block around their mean (pool adjacent violators: least squares).
fn spread(wanted: &[f64], gap: f64, top: f64, bottom: f64) -> Vec<f64> {
    let mut blocks: Vec<(f64, f64)> = Vec::new();
    let mut offset = 0.0;
    for place in wanted {
        let (mut mean, mut size) = (place - offset, 1.0);
        offset += gap;
        while let Some((before, many)) = blocks.pop_if(|(before, _)| *before > mean) {
            mean = (before * many + mean * size) / (many + size);
            size += many;
        }
        blocks.push((mean, size));
    }
    let height = (offset - gap).max(0.0);
    let mut number = 0.0;
    let mut places = Vec::with_capacity(wanted.len());
    for (mean, size) in blocks {
        let mean = mean.min(bottom - height).max(top);
        let mut left = size;
        while left > 0.5 {
            places.push(mean + number * gap);
            number += 1.0;
            left -= 1.0;
        }
    }
    places
}

/// `1,370,000`.
fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let separated = digits.char_indices().flat_map(|(place, digit)| {
        let comma = place > 0 && (digits.len() - place) % 3 == 0;
        comma.then_some(',').into_iter().chain([digit])
    });
    separated.collect()
}

fn uniform_share(report: &Report) -> f64 {
    let share = report.uniform_rate / report.best_rate;
    if share.is_finite() { share } else { 1.0 }
}

#[expect(clippy::cast_precision_loss, reason = "impressions are far below 2^52")]
fn float(impressions: u64) -> f64 {
    impressions as f64
}

/// Text between tags: what XML would take for markup is escaped, what it forbids is left out.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for char in self.0.chars() {
            match char {
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '&' => f.write_str("&amp;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                '\u{fffe}' | '\u{ffff}' => {}
                _ if char.is_control() => f.write_char(' ')?,
                _ => f.write_char(char)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::Point;

    /// Policies that approach the best slate at different speeds and, after a drift, do so again.
    fn report(policies: &[PolicyName], drift_at: Option<u64>) -> Report {
        const IMPRESSIONS: u64 = 1_370_000;
        let interval = |mean: f64| Interval { mean, low: mean - 0.01, high: mean + 0.01 };
        let curve = |place: usize, policy: PolicyName, stretches: u64| -> Vec<Point> {
            let speed = 1.0 + float(place as u64);
            let point = |number: u64| {
                let impressions = IMPRESSIONS * number / stretches;
                let since = impressions - drift_at.filter(|at| *at < impressions).unwrap_or(0);
                let missing = 0.32 * (-speed * float(since) / 500_000.0).exp();
                let mean = if policy == PolicyName::Uniform { 0.68 } else { 1.0 - missing };
                Point {
                    impressions,
                    relative: interval(mean),
                    cumulative: interval(mean),
                    over_uniform: interval(mean / 0.68),
                    regret: interval(0.0),
                    lead: interval(0.0),
                }
            };
            (1..=stretches).map(point).collect()
        };
        let curves = policies.iter().enumerate().map(|(place, policy)| Curve {
            policy: *policy,
            tenths: curve(place, *policy, 10),
            points: curve(place, *policy, 100),
        });
        Report {
            world: "campaign <men> & \"friends\", 34 arms\u{0}".to_owned(),
            arms: 34,
            slots: 3,
            impressions: IMPRESSIONS,
            seeds: 20,
            best_rate: 0.0068,
            uniform_rate: 0.0068 * 0.68,
            drift_at,
            rate: 10.0,
            delay_seconds: 3_600.0,
            reference: PolicyName::PlainThompson,
            curves: curves.collect(),
        }
    }

    /// Checks that tags are closed in order and attributes are quoted; answers the tags with their attributes.
    fn elements(svg: &str) -> Vec<(String, String)> {
        let mut open: Vec<&str> = Vec::new();
        let mut found = Vec::new();
        let mut rest = svg;
        while let Some((text, after)) = rest.split_once('<') {
            let entities = text.split('&').skip(1);
            assert!(entities.into_iter().all(|entity| entity.contains(';')) && !text.contains('>'), "{text}");
            let (tag, after) = after.split_once('>').expect("a tag ends");
            rest = after;
            if let Some(name) = tag.strip_prefix('/') {
                assert_eq!(open.pop(), Some(name), "closed in order");
                continue;
            }
            let (body, alone) = tag.strip_suffix('/').map_or((tag, false), |body| (body, true));
            let (name, attributes) = body.split_once(' ').unwrap_or((body, ""));
            assert_eq!(
                attributes.matches('"').count(),
                2 * attributes.matches("=\"").count(),
                "{attributes}"
            );
            found.push((name.to_owned(), attributes.to_owned()));
            if !alone {
                open.push(name);
            }
        }
        assert!(open.is_empty() && rest.trim().is_empty(), "{open:?} {rest}");
        found
    }

    fn attribute<'a>(attributes: &'a str, name: &str) -> Option<&'a str> {
        attributes.split_once(&format!("{name}=\""))?.1.split('"').next()
    }

    #[test]
    fn every_policy_has_one_curve_one_band_and_one_line_in_the_legend() {
        let svg = svg(&report(&PolicyName::ALL, Some(685_000)));
        let elements = elements(&svg);
        let of_class = |class: &str| -> Vec<&str> {
            let all = elements.iter().map(|(_, attributes)| attributes.as_str());
            all.filter(|attributes| attribute(attributes, "class") == Some(class)).collect()
        };
        assert_eq!(of_class("band").len(), PolicyName::ALL.len());
        let mut curves: Vec<_> =
            of_class("curve").into_iter().filter_map(|a| attribute(a, "data-policy")).collect();
        curves.sort_unstable();
        let mut names = PolicyName::ALL.map(PolicyName::as_str);
        names.sort_unstable();
        assert_eq!(curves, names);
        for attributes in of_class("curve") {
            let steps = attribute(attributes, "d").map(|path| path.matches(['M', 'L']).count());
            assert_eq!(steps, Some(100));
        }
        for name in names {
            assert_eq!(svg.matches(&format!(">{name}</text>")).count(), 1, "{name}");
        }
        assert_eq!(of_class("drift").len(), 1);
        assert!(of_class("drift")[0].contains("d=\"M369.0 "), "half way: {}", of_class("drift")[0]);
    }

    #[test]
    fn texts_are_escaped_and_every_axis_has_its_unit() {
        let svg = svg(&report(&[PolicyName::Thompson], None));
        for text in [
            "campaign &lt;men&gt; &amp; &quot;friends&quot;, 34 arms ",
            ">slot impressions<",
            "% of the best fixed slate’s",
            ">85 %<",
            ">95 %<",
            ">best fixed slate<",
            ">uniformly random: 68.0 %<",
            ">1,200,000<",
            "mean of 20 seeds; bands: 95 % confidence",
            "rewards 3,600 s late",
        ] {
            assert!(svg.contains(text), "{text} is not in\n{svg}");
        }
        assert!(!svg.contains("class=\"drift\"") && !svg.contains('\u{0}'));
    }

    #[test]
    fn what_is_empty_or_no_number_still_is_a_picture() {
        let mut strange = report(&PolicyName::ALL, None);
        (strange.best_rate, strange.impressions) = (0.0, 0);
        for curve in &mut strange.curves {
            curve.tenths.clear();
            curve.points.truncate(1);
            let nan = Interval { mean: f64::NAN, low: f64::NEG_INFINITY, high: f64::INFINITY };
            curve.points.iter_mut().for_each(|point| point.relative = nan);
        }
        strange.curves[0].points.clear();
        strange.world = "w".repeat(500);
        let empty = Report { curves: Vec::new(), ..strange.clone() };
        for report in [strange, empty] {
            let svg = svg(&report);
            elements(&svg);
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }

    #[test]
    fn labels_keep_their_order_and_never_overlap() {
        let places = spread(&[100.0, 101.0, 102.0, 200.0, 450.0, 456.0], 17.0, 78.0, 458.0);
        let expected = [84.0, 101.0, 118.0, 200.0, 441.0, 458.0];
        assert!(
            places.iter().zip(expected).all(|(place, expected)| (place - expected).abs() < 1e-9),
            "{places:?}"
        );
        let crowded = spread(&[457.0; 8], 17.0, 78.0, 458.0);
        assert!(crowded.windows(2).all(|two| two[1] - two[0] >= 17.0 - 1e-9), "{crowded:?}");
        assert!(crowded.iter().all(|place| (78.0..=458.0).contains(place)), "{crowded:?}");
        assert!(spread(&[], 17.0, 78.0, 458.0).is_empty());
    }

    #[test]
    fn ticks_are_round() {
        for (length, step) in [(1_370_000.0, 200_000.0), (9_000.0, 1_000.0), (12.0, 2.0), (1.0, 1.0)] {
            assert!((step_of(length) / step - 1.0_f64).abs() < 1e-9, "{length}");
        }
        assert_eq!(ticks(52.0, 101.0, 10.0).collect::<Vec<_>>(), [60.0, 70.0, 80.0, 90.0, 100.0]);
    }
}
