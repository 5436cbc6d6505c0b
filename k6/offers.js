// Offers as a load test, for k6 (https://k6.io): ask for a person's offers, tell that they were seen and now and then
// clicked on. k6 is not part of the test set-up: install it, start `halles serve --demo`, then
//
//   k6 run k6/offers.js
//   k6 run -e BASE_URL=http://127.0.0.1:9000 -e VUS=64 -e DURATION=1m -e USERS=100000 k6/offers.js
//
// What the product is measured by is `cargo xtask bench offers`.

import { check } from "k6";
import http from "k6/http";

const BASE_URL = __ENV.BASE_URL || "http://127.0.0.1:8000";
const USERS = Number(__ENV.USERS || 10000);
const HEADERS = { headers: { "Content-Type": "application/json" } };

export const options = {
  vus: Number(__ENV.VUS || 16),
  duration: __ENV.DURATION || "30s",
  thresholds: {
    checks: ["rate==1"],
    http_req_failed: ["rate==0"],
    http_req_duration: ["p(95)<50", "p(99)<100"],
  },
};

const diverse = (offers) => {
  const counts = {};
  for (const { category } of offers) counts[category] = (counts[category] || 0) + 1;
  return Object.values(counts).every((count) => count <= 2);
};

export function setup() {
  const health = http.get(`${BASE_URL}/health`);
  check(health, { "the server is healthy": (answer) => answer.status === 200 });
}

export default function () {
  const user_id = `LOAD${Math.floor(Math.random() * USERS)}`;
  const shown = http.post(`${BASE_URL}/offers/recommend`, JSON.stringify({ user_id }), HEADERS);
  check(shown, {
    "offers, at most two of a category": (answer) =>
      answer.status === 200 && diverse(answer.json("recommended_offers")),
  });

  const decision_id = shown.json("decision_id");
  const events = shown.json("recommended_offers").flatMap(({ offer_id }) => {
    const seen = { user_id, offer_id, event_type: "VIEW", decision_id };
    return Math.random() < 0.05 ? [seen, { ...seen, event_type: "CLICK" }] : [seen];
  });
  const tracked = http.post(`${BASE_URL}/events/track`, JSON.stringify(events), HEADERS);
  check(tracked, {
    "every event counts": (answer) => answer.status === 200 && answer.json("accepted") === events.length,
  });
}
