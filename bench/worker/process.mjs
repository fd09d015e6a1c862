// What a process costs.  In: Linux's /proc.  Out: its number, its processor time, its memory.

import { readdirSync, readFileSync } from "node:fs";

/** The workerd processes that `parent` started. */
export function workerdsBelow(parent) {
  const isOne = (entry) => {
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, "utf8");
      const [, name, , above] = /\((.*)\) (\S) (\d+)/.exec(stat);
      return Number(above) === parent && name.startsWith("workerd");
    } catch {
      return false; // It ended meanwhile.
    }
  };
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name) && isOne(name)).map(Number);
}

/** Processor time a process has used so far, all threads. */
export function cpuSeconds(pid) {
  // Fields 14 and 15 of proc(5) stat: user and system time in clock ticks of 10 ms.
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /, "").split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Memory of a process that is in RAM now. */
export function residentBytes(pid) {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)[1]) * 1024;
}
