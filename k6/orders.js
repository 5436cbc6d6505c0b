// The three calls of the README as a load test, for k6 (https://k6.io). k6 is not part of the test set-up: install it,
// start `halles serve --demo`, then
//
//   k6 run k6/orders.js
//   k6 run -e BASE_URL=http://127.0.0.1:9000 -e VUS=64 -e DURATION=1m k6/orders.js
//
// What the product is measured by is `cargo xtask bench orders`.

import { check } from "k6";
import http from "k6/http";
import { Counter } from "k6/metrics";

const BASE_URL = __ENV.BASE_URL || "http://127.0.0.1:8000";
const HEADERS = { headers: { "Content-Type": "application/json" } };

// The demo's stock is finite: once it is sold, orders are answered 409 like the second call.
const confirmed = new Counter("orders_confirmed");
const soldOut = new Counter("orders_sold_out");

// 402 and 409 are answers, not failures.
http.setResponseCallback(http.expectedStatuses(200, 201, 402, 409));

export const options = {
  vus: Number(__ENV.VUS || 16),
  duration: __ENV.DURATION || "30s",
  thresholds: {
    checks: ["rate==1"],
    http_req_failed: ["rate==0"],
    http_req_duration: ["p(95)<100", "p(99)<250"],
    orders_confirmed: ["count>0"],
  },
};

const order = (...produits) =>
  JSON.stringify({ produits: produits.map(([produit_id, quantite]) => ({ produit_id, quantite })) });

const states = (commande) => commande.historique.map((etape) => etape.etat).join(" ");

export function setup() {
  const health = http.get(`${BASE_URL}/health`);
  check(health, { "the server is healthy": (answer) => answer.status === 200 });
}

export default function () {
  const bought = http.post(`${BASE_URL}/saga/commande/`, order([1, 1], [2, 1]), HEADERS);
  (bought.status === 201 ? confirmed : soldOut).add(1);
  check(bought, {
    "confirmed through all five states, or sold out": (answer) =>
      answer.status === 409 || states(answer.json()) === "CREEE STOCK_VERIFIE STOCK_RESERVE PAYEE CONFIRMEE",
  });

  const short = http.post(`${BASE_URL}/saga/commande/`, order([2, 999]), HEADERS);
  check(short, {
    "too little stock: cancelled": (answer) => answer.status === 409 && answer.json("commande.etat") === "ANNULEE",
  });

  const refused = http.post(`${BASE_URL}/saga/commande/`, order([4, 10]), HEADERS);
  check(refused, {
    "payment refused: cancelled": (answer) => answer.status === 402 && answer.json("commande.etat") === "ANNULEE",
  });
}
