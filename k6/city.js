// The city's flow as a load test, for k6 (https://k6.io): days, ranges and reports read over and over. k6 is not part of
// the test set-up: install it, start `halles serve --demo`, then
//
//   k6 run k6/city.js
//   k6 run -e BASE_URL=http://127.0.0.1:9000 -e VUS=64 -e DURATION=1m k6/city.js
//
// What the product is measured by is `cargo xtask bench city`.

import { check } from "k6";
import http from "k6/http";

const BASE_URL = __ENV.BASE_URL || "http://127.0.0.1:8000";

export const options = {
  vus: Number(__ENV.VUS || 16),
  duration: __ENV.DURATION || "30s",
  thresholds: {
    checks: ["rate==1"],
    http_req_failed: ["rate==0"],
    http_req_duration: ["p(95)<50", "p(99)<100"],
  },
};

const found = (answer) => answer.status === 200;

export function setup() {
  const health = http.get(`${BASE_URL}/health`);
  check(health, { "the server is healthy": found });
  const stats = http.get(`${BASE_URL}/stats`);
  const bikes = stats.json("couverture").find(({ type }) => type === "bikes");
  check(bikes, { "there are days of bicycle counts": ({ dernier_jour }) => dernier_jour !== null });
  return { day: bikes.dernier_jour };
}

export default function ({ day }) {
  const bikes = http.get(`${BASE_URL}/metrics/bikes/${day}`);
  check(bikes, { "the counters of a day": (answer) => found(answer) && answer.json("data.metrics").length > 0 });

  const roads = http.get(`${BASE_URL}/metrics/comptages/${day}?limite=10`);
  check(roads, { "ten arcs of a day": (answer) => found(answer) && answer.json("data.metrics").length === 10 });

  const month = http.get(`${BASE_URL}/metrics/bikes`);
  check(month, { "a month of the city": found });

  const report = http.get(`${BASE_URL}/report/${day}`);
  check(report, { "the report of a day": (answer) => found(answer) && answer.json("date") === day });
}
