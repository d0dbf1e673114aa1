/**
 * What a browser sees at `/`.
 *
 * @module
 */

/** A page that says what this is and how to call it. */
export function page(version: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>mgo</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:40em;margin:3em auto;padding:0 1em}pre{background:#8881;padding:1em;overflow:auto}</style>
<h1>mgo</h1>
<p>This server takes deploys: “this image, that cluster”. Version ${version}.</p>
<pre>curl --fail http://127.0.0.1:8080/deploy \\
  --data triggerRepo=github.com/acme/shop --data imageRepo=quay.io/acme/shop \\
  --data imageTag=v2 --data cluster=my-prod --data author=ada@example.com</pre>
<p><a href="/healthz">/healthz</a> · <a href="/readyz">/readyz</a></p>
</html>
`
}
