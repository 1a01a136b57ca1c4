/* SPDX-License-Identifier: MIT
 *
 * Makes hakmem's flame graphs fill the window, zoom and search. The picture is complete without it.
 *
 * A frame is a <g class="f"> with data-x (weight before it), data-w (its weight) and data-d (depth;
 * the root has 0), in depth-first order. The place in that order names a frame in the URL's fragment:
 * #zoom=NUMBER&search=TEXT opens the graph in that state.
 */
(function () {
	"use strict";

	const NS = "http://www.w3.org/2000/svg";
	const script = document.currentScript;
	const svg = (script && script.ownerSVGElement) || document.documentElement;
	const alone = svg === document.documentElement;
	const one = name => svg.querySelector("." + name);
	const MARGIN = 10, NARROWEST = 0.1, LETTERS_LEAST = 3, BAR = 24;
	const height = Number(svg.getAttribute("height"));
	const head = one("head"), bar = one("bar"), details = one("details"), matched = one("matched");

	let width = 0, letter = 7.2;
	let zoomed = null, term = "";

	/* --- the frames ------------------------------------------------------------------------- */

	const frames = [];
	for (const g of svg.querySelectorAll("g.f")) {
		const title = g.querySelector("title").textContent;
		frames.push({
			g, rect: g.querySelector("rect"), text: g.querySelector("text"), title,
			name: title.slice(0, title.indexOf("\n")), index: frames.length,
			x: Number(g.dataset.x), w: Number(g.dataset.w), depth: Number(g.dataset.d),
			parent: null, end: 0, visible: true,
		});
	}
	const path = []; /* the frame of each depth on the way to the present one */
	for (const f of frames) {
		path.length = f.depth;
		f.parent = f.depth ? path[f.depth - 1] : null;
		path.push(f);
		for (const outer of path)
			outer.end = f.index + 1; /* behind its last callee */
	}
	const root = frames[0];
	const holds = (outer, f) => f.index >= outer.index && f.index < outer.end;

	/* --- layout ----------------------------------------------------------------------------- */

	function label(f, w) {
		const room = Math.floor((w - 6) / letter);
		if (room < LETTERS_LEAST)
			return "";
		return f.name.length <= room ? f.name : f.name.slice(0, room - 1) + "\u2026";
	}

	function place(f, x, w) {
		f.visible = w >= NARROWEST;
		f.g.style.display = f.visible ? "" : "none";
		if (!f.visible)
			return;
		f.rect.setAttribute("x", x.toFixed(2));
		f.rect.setAttribute("width", Math.max(w - (w > 3 ? 0.6 : 0), NARROWEST).toFixed(2));
		const shown = label(f, w);
		if (!f.text && shown) {
			f.text = document.createElementNS(NS, "text");
			f.text.setAttribute("y", Number(f.rect.getAttribute("y")) + 12.5);
			f.g.appendChild(f.text);
		}
		if (f.text) {
			f.text.textContent = shown;
			f.text.setAttribute("x", (x + 3).toFixed(2));
		}
	}

	function layout() {
		const scale = (width - 2 * MARGIN) / (zoomed.w || 1);
		for (const f of frames) {
			const above = f !== zoomed && holds(f, zoomed);
			f.g.classList.toggle("above", above);
			if (above || f === zoomed)
				place(f, MARGIN, width - 2 * MARGIN);
			else if (holds(zoomed, f))
				place(f, MARGIN + (f.x - zoomed.x) * scale, f.w * scale);
			else
				place(f, 0, 0);
		}
		arrange();
	}

	/* Title and details stay at the edges of the window. */
	function stick() {
		const top = alone ? Math.max(window.scrollY, 0) : 0;
		const bottom = alone ? Math.min(top + window.innerHeight, height) : height;
		head.setAttribute("transform", "translate(0," + top + ")");
		bar.setAttribute("transform", "translate(0," + (bottom - BAR) + ")");
	}

	function resize() {
		const room = alone ? document.documentElement.clientWidth || window.innerWidth
				   : svg.parentNode.clientWidth;
		width = Math.max(room || 1200, 480);
		svg.setAttribute("width", width);
		svg.setAttribute("viewBox", "0 0 " + width + " " + height);
		bar.querySelector("rect").setAttribute("width", width);
		matched.setAttribute("x", width - MARGIN);
		layout();
		stick();
	}

	/* --- buttons and the search field ------------------------------------------------------- */

	function make(parent, name, attributes, text) {
		const element = document.createElementNS(NS, name);
		for (const key in attributes)
			element.setAttribute(key, attributes[key]);
		if (text)
			element.textContent = text;
		parent.appendChild(element);
		return element;
	}

	function button(text, wide, action) {
		const g = make(head, "g", {class: "button", role: "button", tabindex: 0});
		make(g, "rect", {width: wide, height: 22, rx: 4});
		make(g, "text", {x: wide / 2, y: 15, "text-anchor": "middle"}, text);
		g.addEventListener("click", action);
		g.addEventListener("keydown", event => {
			if (event.key === "Enter" || event.key === " ") {
				event.preventDefault();
				action();
			}
		});
		return g;
	}

	const open = button("Search", 70, () => ask());
	const reset = button("Reset zoom", 90, () => zoom(root));
	const box = make(head, "foreignObject", {width: 230, height: 24, y: 11});
	const field = document.createElementNS("http://www.w3.org/1999/xhtml", "input");
	field.setAttribute("class", "field");
	field.setAttribute("placeholder", "function name or pattern");
	field.setAttribute("aria-label", "search");
	box.appendChild(field);
	box.style.display = "none";

	function arrange() {
		open.setAttribute("transform", "translate(" + (width - 80) + ",12)");
		reset.setAttribute("transform", "translate(" + (width - 180) + ",12)");
		reset.style.display = zoomed === root ? "none" : "";
		box.setAttribute("x", width - (zoomed === root ? 320 : 420));
	}

	function ask() {
		box.style.display = "";
		field.focus();
		field.select();
	}

	/* --- search ----------------------------------------------------------------------------- */

	/* A pattern that is no regular expression is looked for as it stands; capitals matter only where
	 * the pattern has some. */
	function matcher(pattern) {
		const flags = /[A-Z]/.test(pattern) ? "" : "i";
		try {
			return new RegExp(pattern, flags);
		} catch (error) {
			return new RegExp(pattern.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), flags);
		}
	}

	function search(pattern) {
		const wanted = pattern ? matcher(pattern) : null;
		let weight = 0, covered = 0;
		term = pattern;
		for (const f of frames) {
			const hit = wanted !== null && f !== root && wanted.test(f.name);
			f.g.classList.toggle("hit", hit);
			/* A frame inside one that was counted is not counted again. */
			if (hit && holds(zoomed, f) && f.index >= covered) {
				weight += f.w;
				covered = f.end;
			} else if (hit && holds(f, zoomed) && covered === 0) {
				weight = zoomed.w;
				covered = zoomed.end;
			}
		}
		matched.textContent = wanted ? "matched " + (100 * weight / (zoomed.w || 1)).toFixed(2) + " %" : "";
		remember();
	}

	function clear() {
		field.value = "";
		box.style.display = "none";
		search("");
	}

	/* --- zoom ------------------------------------------------------------------------------- */

	function zoom(f) {
		zoomed = f;
		layout();
		search(term);
	}

	function remember() {
		if (!alone)
			return; /* the page's address is not ours alone */
		const parts = [];
		if (zoomed !== root)
			parts.push("zoom=" + zoomed.index);
		if (term)
			parts.push("search=" + encodeURIComponent(term));
		try {
			history.replaceState(null, "", "#" + parts.join("&"));
		} catch (error) {
			/* Some browsers forbid it for local files; the fragment is a convenience. */
		}
	}

	function recall() {
		if (!alone)
			return;
		for (const part of location.hash.slice(1).split("&")) {
			const [key, value] = part.split("=");
			if (key === "zoom" && frames[Number(value)])
				zoomed = frames[Number(value)];
			else if (key === "search" && value)
				term = decodeURIComponent(value);
		}
	}

	/* --- pointer and keys ------------------------------------------------------------------- */

	const show = f => { details.textContent = f ? f.title.replace("\n", "  \u2014  ") : ""; };

	/* The next frame in the direction of an arrow key. */
	function neighbour(f, key) {
		const inside = g => g.visible && (holds(zoomed, g) || holds(g, zoomed));
		if (key === "ArrowDown")
			return f.parent;
		const same = frames.filter(g => inside(g) &&
			(key === "ArrowUp" ? g.parent === f : g.depth === f.depth));
		if (key === "ArrowUp")
			return same.reduce((best, g) => (!best || g.w > best.w ? g : best), null);
		return same[same.indexOf(f) + (key === "ArrowLeft" ? -1 : 1)];
	}

	for (const f of frames) {
		f.g.setAttribute("tabindex", f === root ? 0 : -1);
		f.g.addEventListener("click", () => zoom(f));
		f.g.addEventListener("mouseenter", () => show(f));
		f.g.addEventListener("mouseleave", () => show(null));
		f.g.addEventListener("focus", () => show(f));
		f.g.addEventListener("keydown", event => {
			if (event.key === "Enter" || event.key === " ") {
				event.preventDefault();
				zoom(f);
			} else if (event.key.startsWith("Arrow")) {
				event.preventDefault();
				const next = neighbour(f, event.key);
				if (next)
					next.g.focus();
			}
		});
	}

	field.addEventListener("input", () => search(field.value));
	field.addEventListener("keydown", event => {
		if (event.key === "Enter")
			field.blur();
	});
	document.addEventListener("keydown", event => {
		const hidden = svg.getBoundingClientRect().width === 0;
		if (hidden)
			return; /* another graph of the page is on show */
		const find = event.key === "f" && (event.ctrlKey || event.metaKey);
		if (find && document.activeElement === field)
			return; /* asked twice: the browser's own search */
		if (find || event.key === "F3" || (event.key === "/" && event.target !== field)) {
			event.preventDefault();
			ask();
		} else if (event.key === "Escape") {
			if (term || box.style.display === "")
				clear();
			else
				zoom(root);
		}
	});

	const probe = make(svg, "text", {visibility: "hidden"}, "m".repeat(100));
	letter = probe.getComputedTextLength() / 100 || letter;
	probe.remove();
	zoomed = root;
	recall();
	if (term) {
		field.value = term;
		box.style.display = "";
	}
	window.addEventListener("resize", resize);
	window.addEventListener("scroll", stick);
	resize();
	search(term);
	if (alone) /* a tall graph opens at its root */
		window.scrollTo(0, height);
})();
