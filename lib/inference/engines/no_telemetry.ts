/**
 * Has ONNX Runtime send and write nothing of its own. It asks for this variable when its library is
 * loaded, so this module is imported before it. Its native code is not bound by Deno's permissions.
 */
Deno.env.set("ORT_DISABLE_TELEMETRY", "1");
