// Seeds in which a rule is still broken, and what is known of it. They run like all others, and one in which nothing is
// wrong any more has to leave this list. In the order of the seeds.

export const OPEN: ReadonlyMap<number, string> = new Map();
