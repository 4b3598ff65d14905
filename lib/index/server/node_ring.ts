/** The nodes of a cluster, asked in turn. */

/** What is known of one node. */
export interface Node {
  readonly url: URL;
  /** It did not answer the last time. */
  down: boolean;
  /** It has answered at least once. */
  answered: boolean;
}

/**
 * Gives the nodes one after the other, passing over those that are down while any is up.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * const ring = new NodeRing([new URL("http://a:9200"), new URL("http://b:9200")]);
 * const first = ring.next();
 * first.down = true;
 * assert.deepEqual([ring.next().url.host, ring.next().url.host], ["b:9200", "b:9200"]);
 * ```
 */
export class NodeRing {
  readonly #nodes: readonly Node[];
  #turn = 0;
  /** How often a node that is down was passed over. */
  #passed = 0;

  /** @param urls at least one */
  constructor(urls: readonly URL[]) {
    this.#nodes = urls.map((url) => ({ url, down: false, answered: false }));
  }

  /** The node whose turn it is; now and then one that is down, for it may be back. */
  next(): Node {
    for (let tries = 0; tries < this.#nodes.length; tries++) {
      const node = this.#nodes[this.#turn++ % this.#nodes.length]!;
      if (!node.down || ++this.#passed % PASSES === 0) return node;
    }
    return this.#nodes[this.#turn++ % this.#nodes.length]!;
  }

  /** Whether any node is not known to be down. */
  hasUp(): boolean {
    return this.#nodes.some(({ down }) => !down);
  }

  /** Whether any node ever answered. */
  hasAnswered(): boolean {
    return this.#nodes.some(({ answered }) => answered);
  }

  /** Has every node asked again. */
  retryAll(): void {
    for (const node of this.#nodes) node.down = false;
  }
}

/** One in so many turns of a node that is down is used to see whether it is back. */
const PASSES = 50;
