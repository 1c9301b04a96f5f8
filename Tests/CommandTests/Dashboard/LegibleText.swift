/// Expressions of JavaScript for what people can and cannot read of a page: each is a list of sentences about text that they cannot.
enum LegibleText {
    /// Text that is cut off: by an element around it, or by the window's edge. What ends with … is well if a title has all of it, and what
    /// is in an element that can be scrolled.
    static let cutOff = overTexts(
        """
        const range = document.createRange();
        range.selectNodeContents(node);
        const box = range.getBoundingClientRect();
        if (!box.width || element.closest('.cut')?.title) return;
        for (let around = element; around; around = around.parentElement) {
            const { overflowX } = getComputedStyle(around), isWindow = around === document.documentElement;
            if (!isWindow && (overflowX === 'auto' || overflowX === 'scroll')) return;
            if (!isWindow && overflowX === 'visible') continue;
            const edge = around.getBoundingClientRect();
            // The box of a line of text may be higher than its letters.
            const isHigher = box.top < edge.top - 4 || box.bottom > edge.bottom + 4;
            if (box.left < edge.left - 1 || box.right > edge.right + 1 || isHigher && !isWindow)
                return found.push(`"${node.data}" is cut off by ${around.className || around.id || around.tagName}`);
        }
        """)

    /// Text whose contrast with what is behind it is less than 4.5, the least that WCAG 2 (AA) asks for.
    static let faint = overTexts(
        """
        const numbers = colour => { const n = colour.match(/[\\d.]+/g).map(Number); return n.length > 3 ? n : [...n, 1]; };
        const over = (a, b) => [0, 1, 2].map(i => a[i] * a[3] + b[i] * (1 - a[3])).concat(1);
        const light = c => [0.2126, 0.7152, 0.0722].reduce((sum, share, i) => {
            const v = c[i] / 255;
            return sum + share * (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        }, 0);
        const layers = [];
        for (let around = element; around; around = around.parentElement)
            layers.unshift(numbers(getComputedStyle(around).backgroundColor));
        const behind = layers.reduce((below, layer) => over(layer, below), [255, 255, 255, 1]);
        const [a, b] = [light(over(numbers(getComputedStyle(element).color), behind)), light(behind)];
        const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (contrast < 4.5) found.push(`"${node.data}" has a contrast of ${contrast.toFixed(2)}`);
        """)

    /// Does `work` for each text that is shown, with its `node` and `element`; not for what only screen readers are told.
    private static func overTexts(_ work: String) -> String {
        """
        (() => {
            const found = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
            const look = (node, element) => {
                if (!node.data.trim() || !element.checkVisibility() || element.closest('.away, script')) return;
                \(work)
            };
            while (walker.nextNode()) look(walker.currentNode, walker.currentNode.parentElement);
            return found;
        })()
        """
    }
}
