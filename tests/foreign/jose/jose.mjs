// One request as JSON on stdin, one answer as JSON on stdout; npm's jose does the work. Binary is base64url.
import { CompactSign, GeneralEncrypt, compactVerify, generalDecrypt, importJWK } from "jose";

const text = (bytes) => Buffer.from(bytes).toString("latin1");
const okp = (crv, x, d) => ({ kty: "OKP", crv, x, ...(d && { d }) });

// RFC 8785 for what is in a JWE: names are ASCII, values are strings.
const sorted = (value) => {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.keys(value).sort().map((name) => [name, sorted(value[name])]));
};

const actions = {
  async decrypt({ jwe, pub, d }) {
    const key = await importJWK(okp("X25519", pub, d), "ECDH-ES+A256KW");
    const options = { keyManagementAlgorithms: ["ECDH-ES+A256KW"], contentEncryptionAlgorithms: ["A256GCM"] };
    const { plaintext, protectedHeader } = await generalDecrypt(JSON.parse(jwe), key, options);
    return { plaintext: text(plaintext), header: protectedHeader };
  },

  async encrypt({ plaintext, header, recipients }) {
    const sealing = new GeneralEncrypt(Buffer.from(plaintext, "latin1")).setProtectedHeader(header);
    for (const { kid, pub } of recipients) {
      const key = await importJWK(okp("X25519", pub), "ECDH-ES+A256KW");
      sealing.addRecipient(key).setUnprotectedHeader({ kid });
    }
    return { jwe: JSON.stringify(sorted(await sealing.encrypt())) };
  },

  async verify({ token, pub }) {
    const key = await importJWK(okp("Ed25519", pub), "Ed25519");
    const { payload, protectedHeader } = await compactVerify(token, key, { algorithms: ["Ed25519"] });
    return { payload: Buffer.from(payload).toString("base64url"), header: protectedHeader };
  },

  async sign({ payload, header, pub, d }) {
    const key = await importJWK(okp("Ed25519", pub, d), "Ed25519");
    const signing = new CompactSign(Buffer.from(payload, "base64url")).setProtectedHeader(header);
    return { token: await signing.sign(key) };
  },
};

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const request = JSON.parse(Buffer.concat(chunks).toString("utf8"));
let answer;
try {
  answer = await actions[request.action](request);
} catch (error) {
  answer = { error: error.code ?? error.name };
}
process.stdout.write(JSON.stringify(answer));
