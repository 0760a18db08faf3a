// What a person who reads a page would stumble over, as sentences; the page is as high as its window.
() => {
  const found = [];
  const name = (element) => {
    const words = (element.textContent || "").trim().replace(/\s+/g, " ").slice(0, 50);
    const place = element.closest("article[id], section[id]")?.id || "";
    return `${element.tagName.toLowerCase()}${place && ` in #${place}`} "${words || element.getAttribute("aria-label") || ""}"`;
  };
  const isSeen = (element) => element.checkVisibility({ opacityProperty: true, visibilityProperty: true })
    && element.getBoundingClientRect().width > 0;
  const width = document.documentElement.clientWidth;
  const scrolls = (element) => ["auto", "scroll"].includes(getComputedStyle(element).overflowX);
  const scroller = (element) => { while (element && !scrolls(element)) element = element.parentElement; return element; };

  // Nothing is cut, on either side, by a box or by the window; what scrolls can be reached with the keyboard.
  if (document.documentElement.scrollWidth > width) found.push(`the page is ${document.documentElement.scrollWidth} wide`);
  for (const element of document.body.querySelectorAll("*")) {
    if (element.closest("svg") || !isSeen(element)) continue;
    const style = getComputedStyle(element);
    if (scrolls(element) && element.scrollWidth > element.clientWidth + 1) {
      if (element.tabIndex < 0) found.push(`scrolls, though not by keyboard: ${name(element)}`);
      if (width <= 400 && element.matches(".picture, .scroll")) found.push(`is to be scrolled sideways: ${name(element)}`);
      if (!element.getAttribute("aria-label")) found.push(`scrolls without a name: ${name(element)}`);
    }
    const isText = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!isText) continue;
    if (["hidden", "clip"].includes(style.overflowX) && element.scrollWidth > element.clientWidth + 1) found.push(`cut: ${name(element)}`);
    if (style.textOverflow === "ellipsis" && element.scrollWidth > element.clientWidth) found.push(`cut: ${name(element)}`);
    const box = element.getBoundingClientRect();
    if (!element.closest(".skip") && (box.right > width + 1 || box.left < -1) && !scroller(element)) found.push(`out of the window: ${name(element)}`);
    if (parseFloat(style.fontSize) < 11) found.push(`${style.fontSize} small: ${name(element)}`);
  }

  // Of pictures: every text within its picture, in a size that can be read, and not upon another text.
  for (const svg of document.querySelectorAll("svg")) {
    if (!isSeen(svg) || svg.closest(".modebar-container")) continue;
    const frame = svg.getBoundingClientRect();
    const texts = [...svg.querySelectorAll("text")].filter((text) => text.textContent.trim() && isSeen(text) && parseFloat(getComputedStyle(text).strokeWidth) * (getComputedStyle(text).stroke !== "none") < 1.5);
    const boxes = [];
    for (const text of texts) {
      const box = text.getBoundingClientRect();
      if (box.left < frame.left - 2 || box.right > frame.right + 2 || box.top < frame.top - 2 || box.bottom > frame.bottom + 2) found.push(`cut by its picture: ${name(text)}`);
      const matrix = text.getScreenCTM();
      const size = parseFloat(getComputedStyle(text).fontSize) * Math.hypot(matrix.c, matrix.d);
      if (size < 8) found.push(`${size.toFixed(1)} px small: ${name(text)}`);
      const tilt = Math.abs(Math.atan2(matrix.b, matrix.a) % (Math.PI / 2));
      if (tilt < 0.01 || tilt > Math.PI / 2 - 0.01) boxes.push([box, text]);
    }
    for (const [k, [one, text]] of boxes.entries()) for (const [other, below] of boxes.slice(k + 1)) {
      const across = Math.min(one.right, other.right) - Math.max(one.left, other.left);
      const down = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
      if (across > 2 && down > 0.35 * Math.min(one.height, other.height)) found.push(`upon each other: ${name(text)} and ${name(below)}`);
    }
  }

  // WCAG 2.2, 1.4.3: of a text and what lies beneath it.
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data].map((part) => part / 255); };
  const over = (top, below, opacity = 1) => { const alpha = top[3] * opacity; return [0, 1, 2].map((k) => alpha * top[k] + (1 - alpha) * below[k]).concat(1); };
  const luminance = (colour) => { const [r, g, b] = colour.map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const style = document.createElement("style");
  style.textContent = "svg, svg * { pointer-events: visiblePainted !important; } .skip, .up, .modebar-container { display: none; }";
  document.head.append(style);
  const paper = over(rgba(getComputedStyle(document.body).backgroundColor), [1, 1, 1, 1]);
  const beneath = (text, x, y) => {
    const layers = [];
    for (const element of document.elementsFromPoint(x, y)) {
      if (text === element || text.contains(element)) continue;
      const look = getComputedStyle(element);
      if (element.tagName === "image") return null;
      if (element instanceof SVGElement) {
        if (element.closest("text")) {
          // A halo.
          if (element.textContent === text.textContent && look.stroke !== "none") { layers.push([rgba(look.stroke), 1]); break; }
          continue;
        }
        if (look.fill === "none" || look.fill.startsWith("url") || element.tagName === "svg" || element.tagName === "g") continue;
        layers.push([rgba(look.fill), look.fillOpacity * look.opacity]);
      } else if (look.backgroundImage !== "none") return null;
      else layers.push([rgba(look.backgroundColor), 1]);
      const [colour, opacity] = layers.at(-1);
      if (colour[3] * opacity > 0.99) break;
    }
    return layers.reverse().reduce((below, [colour, opacity]) => over(colour, below, opacity), paper);
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.textContent.trim() || element.closest("script, style, noscript, desc, title") || !isSeen(element)) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const box = range.getClientRects()[0];
    if (!document.elementsFromPoint(box ? box.left + box.width / 2 : -1, box ? box.top + box.height / 2 : -1).includes(element)) continue;  // Scrolled out of its box.
    if (!box || box.right < 0 || box.left > width || box.width < 1) continue;
    const look = getComputedStyle(element);
    const isDrawn = element instanceof SVGElement;
    if (isDrawn && look.stroke !== "none" && parseFloat(look.strokeWidth) >= 1.5) continue;
    const background = beneath(isDrawn ? element.closest("text") : element, Math.min(box.left + box.width / 2, width - 1), box.top + box.height / 2);
    if (!background) continue;
    let opacity = 1;
    for (let above = element; above; above = above.parentElement) opacity *= getComputedStyle(above).opacity;
    const ink = over(rgba(isDrawn ? look.fill : look.color), background, opacity * (isDrawn ? look.fillOpacity : 1));
    const [light, dark] = [luminance(ink), luminance(background)].sort((a, b) => b - a);
    const ratio = (light + 0.05) / (dark + 0.05);
    const size = parseFloat(look.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && look.fontWeight >= 700);
    if (ratio < (isLarge ? 3 : 4.5)) found.push(`contrast ${ratio.toFixed(2)}: ${name(element)}`);
  }
  style.remove();

  // Names, an outline of headings without gaps, targets that a finger hits (WCAG 2.2, 2.5.8), a table under its heading.
  for (const element of document.querySelectorAll("a[href], button, input, summary, [role=region], [role=group]")) {
    if (!isSeen(element)) continue;
    if (!(element.textContent.trim() || element.getAttribute("aria-label") || element.labels?.length)) found.push(`has no name: ${element.outerHTML.slice(0, 60)}`);
    const box = element.getBoundingClientRect();
    if (element.matches("nav a, button, summary, .up") && box.height < 24) found.push(`${box.height.toFixed(0)} px high: ${name(element)}`);
  }
  let level = 0;
  for (const heading of document.querySelectorAll("h1, h2, h3, h4")) {
    const own = Number(heading.tagName[1]);
    if (own > level + 1) found.push(`skips a level: ${name(heading)}`);
    level = own;
  }
  if (document.querySelectorAll("h1").length !== 1) found.push("has no single h1");
  const identifiers = [...document.querySelectorAll("[id]")].map((element) => element.id);
  for (const one of new Set(identifiers)) if (identifiers.filter((other) => other === one).length > 1) found.push(`twice: #${one}`);
  for (const link of document.querySelectorAll('a[href^="#"]')) if (!document.getElementById(decodeURIComponent(link.hash.slice(1)))) found.push(`leads nowhere: ${link.hash}`);
  return [...new Set(found)];
}
