/**
 * Objects in a bucket of an S3 server. The one package that knows the AWS SDK; its classes are
 * loaded only when a bucket is opened.
 */
@NullMarked
package io.coppice.common.objectstore.s3;

import org.jspecify.annotations.NullMarked;
