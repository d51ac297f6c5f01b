// MySQL versions as users write them in `spec.version`: which are accepted, and how two compare.
//
// Knows the supported series and the oldest patch of 8.0 that can form a group over MySQL's own protocol
// with the AdminAPI of today. Does not know what an upgrade does: only which of two versions is newer.

/** Default of `spec.version`: the newest LTS that the tests run. */
export const DEFAULT_VERSION = "9.7.4";
/** Release series that are accepted, oldest first. */
export const SUPPORTED_SERIES = ["8.0", "8.4", "9.7"] as const;
/** Oldest patch of 8.0 that is accepted. */
export const MIN_PATCH_OF_8_0 = 34;

/** What an image tag of MySQL looks like: series, patch and package revision, the last two optional. */
export const VERSION_PATTERN = "^[0-9]+\\.[0-9]+(\\.[0-9]+)?(-[0-9A-Za-z][0-9A-Za-z._-]*)?$";
/** The same, of a supported series and patch. */
export const SUPPORTED_VERSION_PATTERN =
  "^(8[.]0([.](3[4-9]|[4-9][0-9]))?|8[.]4([.][0-9]+)?|9[.]7([.][0-9]+)?)(-.*)?$";

export type MysqlVersion = {
  major: number;
  minor: number;
  /** Absent in a floating tag such as `8.4`. */
  patch?: number;
  /** What follows the dash: a package revision such as `2`. */
  revision?: string;
};

/** The parts of a version; undefined if the text is none. Accepts what a server calls itself, too. */
export function parseVersion(text: string): MysqlVersion | undefined {
  const match = /^(\d+)\.(\d+)(?:\.(\d+))?(?:-(.+))?$/.exec(text);
  if (match === null) return undefined;
  const [, major, minor, patch, revision] = match;
  return {
    major: Number(major),
    minor: Number(minor),
    ...(patch !== undefined && { patch: Number(patch) }),
    ...(revision !== undefined && { revision }),
  };
}

/** `8.4` of `8.4.5-2`. */
export function seriesOf(version: MysqlVersion): string {
  return `${version.major}.${version.minor}`;
}

export function isSupportedVersion(text: string): boolean {
  return new RegExp(SUPPORTED_VERSION_PATTERN).test(text);
}

/**
 * Negative if a is older, positive if newer, 0 if no order can be told: equal, or one of the two is a
 * floating tag of the same series, or they differ in a revision that is no number (`-debian`).
 */
export function compareVersions(a: MysqlVersion, b: MysqlVersion): number {
  if (a.major !== b.major) return a.major - b.major;
  if (a.minor !== b.minor) return a.minor - b.minor;
  if (a.patch === undefined || b.patch === undefined) return 0;
  if (a.patch !== b.patch) return a.patch - b.patch;
  const difference = Number(a.revision ?? 0) - Number(b.revision ?? 0);
  return Number.isNaN(difference) ? 0 : difference;
}
