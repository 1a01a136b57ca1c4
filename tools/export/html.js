/* SPDX-License-Identifier: MIT
 *
 * Draws the charts of hakmem's report from the data in the page, and shows one flame graph at a time.
 * A chart takes the arrow keys, Home and End: they move along its points.
 */
(function () {
	"use strict";

	const NS = "http://www.w3.org/2000/svg";
	const data = JSON.parse(document.getElementById("data").textContent);
	const points = data.points;
	const COLOURS = ["#4c78a8", "#f58518", "#54a24b", "#e45756", "#72b7b2", "#b279a2", "#9d755d",
			 "#eeca3b", "#79706e"];
	const W = 560, H = 210, LEFT = 62, RIGHT = 10, TOP = 10, BOTTOM = 24;

	/* --- numbers ---------------------------------------------------------------------------- */

	function scaled(value, base, units) {
		let i = 0;
		for (; Math.abs(value) >= base * 0.9995 && i < units.length - 1; i++)
			value /= base;
		const digits = value === 0 || Math.abs(value) >= 99.95 ? 0 : Math.abs(value) >= 9.995 ? 1 : 2;
		return value.toFixed(digits) + (units[i] ? " " + units[i] : "");
	}
	const count = value => scaled(value, 1000, ["", "k", "M", "G", "T"]);
	const bytes = value => scaled(value, 1024, ["B", "KiB", "MiB", "GiB", "TiB"]);
	const percent = value => {
		const digits = value > 0 ? Math.min(Math.max(1 - Math.floor(Math.log10(100 * value)), 1), 5) : 0;
		return (100 * value).toFixed(digits) + " %";
	};
	const sum = key => points.reduce((total, point) => total + point[key], 0);

	/* --- elements --------------------------------------------------------------------------- */

	function svg(parent, name, attributes, text) {
		const element = document.createElementNS(NS, name);
		for (const key in attributes)
			element.setAttribute(key, attributes[key]);
		if (text !== undefined)
			element.textContent = text;
		parent.appendChild(element);
		return element;
	}

	function html(parent, name, attributes, text) {
		const element = document.createElement(name);
		for (const key in attributes)
			element.setAttribute(key, attributes[key]);
		if (text !== undefined)
			element.textContent = text;
		parent.appendChild(element);
		return element;
	}

	function tile(name, value) {
		const box = html(document.getElementById("tiles"), "div", {});
		html(box, "dt", {}, name);
		html(box, "dd", {}, value);
	}

	/* --- charts ----------------------------------------------------------------------------- */

	/* A round number at or above the largest value. */
	function ceiling(value, base) {
		if (!(value > 0))
			return 1;
		const step = Math.pow(base === 1024 ? 2 : 10, Math.floor(Math.log(value) / Math.log(base === 1024 ? 2 : 10)));
		for (const factor of [1, 1.5, 2, 2.5, 3, 4, 5, 7.5, 10]) {
			if (factor * step >= value)
				return factor * step;
		}
		return 10 * step;
	}

	const start = points.length ? points[0].time - points[0].seconds : 0;
	const end = points.length ? points[points.length - 1].time : 1;
	const x = time => LEFT + (W - LEFT - RIGHT) * (time - start) / Math.max(end - start, 1e-9);

	function axes(picture, chart) {
		for (let i = 0; i <= 4; i++) {
			const y = H - BOTTOM - (H - TOP - BOTTOM) * i / 4;
			svg(picture, "line", {class: "axis", x1: LEFT, x2: W - RIGHT, y1: y, y2: y});
			svg(picture, "text", {class: "tick", x: LEFT - 6, y: y + 4, "text-anchor": "end"},
			    chart.show(chart.top * i / 4));
		}
		for (let i = 0; i <= 4; i++) {
			const time = start + (end - start) * i / 4;
			svg(picture, "text", {class: "tick", x: x(time), y: H - 6,
					      "text-anchor": i === 0 ? "start" : i === 4 ? "end" : "middle"},
			    (time - start).toFixed(end - start < 20 ? 1 : 0) + " s");
		}
	}

	/* Each interval is a step as wide as it was long; a single one is seen as well. */
	function area(picture, series, below, chart) {
		const y = value => H - BOTTOM - (H - TOP - BOTTOM) * Math.min(value / chart.top, 1);
		const upper = [], lower = [];
		points.forEach((point, i) => {
			const value = series.value(point) || 0, base = chart.stacked ? below[i] : 0;
			const from = x(point.time - point.seconds), to = x(point.time);
			upper.push([from, y(base + value)], [to, y(base + value)]);
			lower.push([from, y(base)], [to, y(base)]);
			below[i] += value;
		});
		const text = list => list.map(p => p[0].toFixed(1) + "," + p[1].toFixed(1)).join(" ");
		if (chart.stacked)
			svg(picture, "polygon", {points: text(upper.concat(lower.reverse())), fill: series.colour});
		else
			svg(picture, "polyline", {points: text(upper), fill: "none", stroke: series.colour,
						  "stroke-width": 2});
	}

	function draw(chart) {
		const totals = points.map(point => {
			const values = chart.series.map(series => series.value(point) || 0);
			return chart.stacked ? values.reduce((a, b) => a + b, 0) : Math.max(...values);
		});
		chart.top = chart.most || ceiling(Math.max(...totals), chart.show === bytes ? 1024 : 10);
		const figure = html(document.getElementById("chart-list"), "figure", {});
		html(figure, "figcaption", {}, chart.title);
		const picture = svg(figure, "svg", {class: "chart", viewBox: "0 0 " + W + " " + H, tabindex: 0,
						    role: "img", "aria-label": chart.title,
						    preserveAspectRatio: "none"});
		axes(picture, chart);
		const below = points.map(() => 0);
		chart.series.forEach(series => area(picture, series, below, chart));
		chart.cursor = svg(picture, "line", {class: "cursor", y1: TOP, y2: H - BOTTOM, visibility: "hidden"});
		const legend = html(figure, "ul", {class: "legend"});
		for (const series of chart.series) {
			const item = html(legend, "li", {});
			html(item, "i", {style: "background:" + series.colour});
			item.append(series.name + " ");
			series.output = html(item, "b", {});
		}
		chart.reading = html(figure, "div", {class: "reading", "aria-live": "polite"});
		listen(picture, chart);
		point_at(chart, points.length - 1, false);
	}

	function point_at(chart, index, marked) {
		const point = points[index];
		chart.index = index;
		chart.cursor.setAttribute("x1", x(point.time - point.seconds / 2));
		chart.cursor.setAttribute("x2", x(point.time - point.seconds / 2));
		chart.cursor.setAttribute("visibility", marked ? "visible" : "hidden");
		for (const series of chart.series) {
			const value = series.value(point);
			series.output.textContent = value === null ? "\u2013" : chart.show(value);
		}
		chart.reading.textContent = "at " + (point.time - start).toFixed(1) + " s (" +
			new Date(point.time * 1000).toLocaleTimeString() + ")";
	}

	function listen(picture, chart) {
		const last = points.length - 1;
		picture.addEventListener("keydown", event => {
			const to = {ArrowLeft: chart.index - 1, ArrowRight: chart.index + 1, Home: 0, End: last}[event.key];
			if (to === undefined)
				return;
			event.preventDefault();
			point_at(chart, Math.min(Math.max(to, 0), last), true);
		});
		picture.addEventListener("mousemove", event => {
			const box = picture.getBoundingClientRect();
			const at = (event.clientX - box.left) / box.width * W;
			const index = points.findIndex(point => x(point.time) >= at);
			point_at(chart, index < 0 ? last : index, true);
		});
		picture.addEventListener("mouseleave", () => point_at(chart, last, false));
	}

	const per_second = key => point => point[key] / point.seconds;
	const line = (name, value, colour) => ({name, value, colour: COLOURS[colour]});

	function charts() {
		const mallocs = point => point.routes.reduce((a, b) => a + b, 0);
		const routes = data.routes.map((name, i) => ({
			name, colour: COLOURS[i % COLOURS.length],
			value: point => (mallocs(point) ? point.routes[i] / mallocs(point) : 0),
			used: points.some(point => point.routes[i] > 0),
		})).filter(route => route.used);
		const slow = routes.filter(route => route.name !== "magazine");
		draw({title: "Operations per second", show: count,
		      series: [line("malloc", per_second("mallocs"), 0), line("free", per_second("frees"), 1)]});
		draw({title: "Route mix: share of the mallocs", show: percent, stacked: true, most: 1, series: routes});
		if (slow.length)
			draw({title: "Route mix without the magazine hits", show: percent, stacked: true, series: slow});
		draw({title: "Refills and flushes per second", show: count,
		      series: [line("refills", per_second("refills"), 0), line("flushes", per_second("flushes"), 1)]});
		draw({title: "Cold visits per second", show: count,
		      series: [line("cold visits", per_second("coldVisits"), 2)]});
		draw({title: "Blocks per refill", show: count,
		      series: [line("blocks", point => (point.refills ? point.refillBlocks / point.refills : 0), 3)]});
		draw({title: "CPU time in the allocator", show: percent, stacked: true,
		      series: [line("wrapper", point => point.wrapper, 0), line("cold", point => point.cold, 1),
			       line("os", point => point.os, 3)]});
		draw({title: "Memory", show: bytes,
		      series: [line("RSS", point => point.rss, 6), line("held by the allocator", point => point.held, 1),
			       line("live", point => point.live, 0)]});
	}

	function tiles() {
		const seconds = sum("seconds"), last = points[points.length - 1];
		const operations = sum("mallocs") + sum("frees");
		tile("watched", seconds.toFixed(1) + " s");
		tile("malloc/s", count(sum("mallocs") / seconds));
		tile("free/s", count(sum("frees") / seconds));
		tile("hit ratio", operations ? percent(1 - sum("coldVisits") / operations) : "\u2013");
		tile("refills/s", count(sum("refills") / seconds));
		tile("live", bytes(last.live));
		tile("held by the allocator", bytes(last.held));
		tile("RSS", bytes(last.rss));
	}

	/* --- one flame graph at a time ---------------------------------------------------------- */

	const tabs = Array.from(document.querySelectorAll("[role=tab]"));

	function select(tab) {
		for (const other of tabs) {
			const chosen = other === tab;
			other.setAttribute("aria-selected", chosen);
			other.tabIndex = chosen ? 0 : -1;
			document.getElementById(other.getAttribute("aria-controls")).hidden = !chosen;
		}
		window.dispatchEvent(new Event("resize")); /* the graph measures itself anew */
	}

	tabs.forEach((tab, i) => {
		tab.addEventListener("click", () => select(tab));
		tab.addEventListener("keydown", event => {
			const step = {ArrowRight: 1, ArrowLeft: -1}[event.key];
			if (!step)
				return;
			const next = tabs[(i + step + tabs.length) % tabs.length];
			next.focus();
			select(next);
		});
	});

	if (points.length) {
		tiles();
		charts();
	}
	if (tabs.length)
		select(tabs[0]);
})();
