/** The encoding of ONNX files. */
export { PbfReader, PbfWriter } from "pbf";
