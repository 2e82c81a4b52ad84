import type { Topic } from "../core/topics.ts";

/** What stands in the middle of the page. */
export interface View {
  readonly element: HTMLElement;
  readonly title: string;
  update(changed: ReadonlySet<Topic>): void;
  /** It is in the document now. */
  opened?(): void;
  /** The window came back into sight. */
  looked?(): void;
  dispose(): void;
}
