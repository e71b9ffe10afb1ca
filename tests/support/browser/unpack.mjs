// Unpacks Chromium into TMPDIR, with the libraries that a bare system lacks (the package has them for Amazon's).
process.env["AWS_EXECUTION_ENV"] = "AWS_Lambda_nodejs20.x";
const { default: chromium } = await import("@sparticuz/chromium");
console.log(await chromium.executablePath());
